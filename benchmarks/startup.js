// How long `roble --version` and `roble --help` take, as a ratio to a bare `node -e 0`. The three are run in turn, so
// that a busy moment of the machine meets all of them; the figure is the median of 15.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const RUNS = 15;
const roble = fileURLToPath(new URL('../bin/run.js', import.meta.url));
const commands = {
  'node -e 0': ['-e', '0'],
  'roble --version': [roble, '--version'],
  'roble --help': [roble, '--help'],
};

function timeOf(args) {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return performance.now() - start;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
for (let run = 0; run < RUNS + 1; run++)
  for (const [name, args] of Object.entries(commands)) {
    const ms = timeOf(args);
    // The first round fills the caches of the disk.
    if (run > 0) times[name].push(ms);
  }

const bare = median(times['node -e 0']);
for (const [name, values] of Object.entries(times)) {
  const ms = median(values);
  console.log(
    `${name.padEnd(16)} ${ms.toFixed(0).padStart(5)} ms  ${(ms / bare).toFixed(2).padStart(5)} x node`,
  );
}
