import { cp, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const { resolve } = createRequire(import.meta.url);

const MODULE = `
import { distance } from 'fastest-levenshtein';
import { createRegistry } from 'roble';

// Useless, but it fails where the image lacks what a plugin depends on.
if (distance('oak', 'oats') !== 2) throw new Error('This cannot be.');

export const plugin = {
  name: 'wrapping',
  async load(model, options) {
    const onnx = await createRegistry().load('serving-backend', 'onnx');
    return onnx.load(model, { ...options, options: {} });
  },
};
`;

/** Installs, in a project, a package with a serving backend that depends on another package. */
export async function installWrappingBackend(project: string): Promise<void> {
  const folder = join(project, 'node_modules/roble-wrapping');
  await mkdir(folder, { recursive: true });
  const plugins = [{ kind: 'serving-backend', name: 'wrapping', module: './wrapping.js' }];
  const about = { name: 'roble-wrapping', version: '1.0.0', type: 'module' };
  const dependencies = { 'fastest-levenshtein': '^1.0.0' };
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ ...about, dependencies, roble: { apiVersion: 1, plugins } }),
  );
  await writeFile(join(folder, 'wrapping.js'), MODULE);
  const dependency = join(project, 'node_modules/fastest-levenshtein');
  await cp(dirname(resolve('fastest-levenshtein/package.json')), dependency, { recursive: true });
}
