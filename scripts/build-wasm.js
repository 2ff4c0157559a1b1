/**
 * Compiles AssemblyScript to WebAssembly: each file of the folder is a module, of which the folders below it hold parts.
 */
import { readdir } from 'node:fs/promises';
import asc from 'assemblyscript/asc';

const FOLDER = 'core/image/plain/wasm';

for (const name of await readdir(`src/${FOLDER}`)) {
  if (!name.endsWith('.ts')) continue;
  const { error, stderr } = await asc.main([
    `src/${FOLDER}/${name}`,
    '--outFile',
    `dist/${FOLDER}/${name.replace(/\.ts$/, '.wasm')}`,
    ...['--enable', 'simd', '-O3', '--noAssert', '--runtime', 'stub'],
  ]);
  if (error) throw new Error(`${name}: ${error.message}\n${stderr}`);
}
