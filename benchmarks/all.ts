/**
 * Every benchmark that has rivals, one after the other, into one file: what docs/benchmarks.md is made of.
 *
 *   npm run bench:all -- --rivals FOLDER [--rounds 5]
 */
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const BENCHMARKS = ['serve', 'import', 'decode', 'augment', 'train-step', 'inference'];
const results = fileURLToPath(new URL('./results.json', import.meta.url));

// Figures of another day or machine do not stand beside those of this run.
await rm(results, { force: true });
for (const name of BENCHMARKS) {
  const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const words = [...process.execArgv, script, '--json', results, ...process.argv.slice(2)];
  const { status } = spawnSync(process.execPath, words, { stdio: 'inherit' });
  // The others are measured all the same.
  if (status !== 0) process.exitCode = 1;
}
