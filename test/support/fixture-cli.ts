import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = dirname(dirname(import.meta.dirname));
const url = (path: string) => JSON.stringify(pathToFileURL(join(root, path)).href);

const COMMANDS: Readonly<Record<string, string>> = {
  /** Throws the coded error that is named, or a bug. */
  fail: `
    static args = { code: Args.string() };
    async execute() {
      const { args } = await this.parse(Command);
      this.warn('a warning');
      if (args.code === 'BUG') null.property;
      throw new RobleError(args.code, 'what happened', {
        received: 1, expected: 'two', problems: [{ path: 'a.b', message: 'is wrong' }], nextSteps: ['Do this.'],
      });
    }`,
  /** Waits until it is interrupted; as its argument says, it then throws, goes on, or returns a result. */
  wait: `
    static args = { then: Args.string() };
    async execute({ signal, reporter }) {
      const { args, flags } = await this.parse(Command);
      reporter.report({ type: 'step', id: 'wait', title: 'Waiting', status: 'started' });
      if (args.then !== 'throw') reporter.report({ type: 'train', event: {
        kind: 'started', run: 'r', epochs: 1, stepsPerEpoch: 1, device: 'cpu', model: 'm', parameters: 1, trainCount: 1, validationCount: 1,
        monitor: 'valAccuracy', batchSize: 1, firstStep: 0, history: [],
      } });
      const alive = setInterval(() => {}, 1000);
      // A live view is drawn from then on, which shows to nobody outside.
      setTimeout(() => writeSync(2, 'ready\\n'), flags.reporter === 'tty' ? 500 : 0);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      writeSync(2, 'aborted\\n');
      if (args.then === 'never') await new Promise(() => {});
      clearInterval(alive);
      if (args.then === 'throw') signal.throwIfAborted();
      return { saved: true };
    }
    render() { this.log('saved'); }`,
  /** Waits until it is interrupted, and then says more than a pipe holds. */
  talk: `
    async execute({ signal }) {
      const alive = setInterval(() => {}, 1000);
      writeSync(2, 'ready\\n');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      clearInterval(alive);
      for (let i = 0; i < 100000; i++) this.warn('warning ' + i);
    }
    render() {}`,
  /** Has a result and another exit code than 0. */
  code: `
    async execute() { this.exitCode = 3; return { fine: false }; }
    render() { this.log('not fine'); }`,
  /** Warns more than a pipe holds. */
  noisy: `
    async execute() { for (let i = 0; i < 100000; i++) this.warn('warning ' + i); }
    render() {}`,
  /** Prints more than a pipe holds. */
  long: `
    async execute() { return Array.from({ length: 100000 }, (_, i) => i); }
    render(result) { for (const i of result) this.log(String(i)); }`,
};

/** A small command line on the built base command, whose commands do on purpose what real ones do by accident. */
export async function createFixtureCli(): Promise<{ run: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'roble-fixture-'));
  await mkdir(join(folder, 'commands'));
  const oclif = { bin: 'fixture', commands: './commands' };
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'fixture', version: '1.0.0', type: 'module', oclif }),
  );
  const run = join(folder, 'run.js');
  const core = url('node_modules/@oclif/core/lib/index.js');
  await writeFile(
    run,
    // As bin/run.js does.
    `globalThis.oclif = { enableAutoTranspile: false };
     const { execute } = await import(${core});
     await execute({ dir: import.meta.url });\n`,
  );
  for (const [name, body] of Object.entries(COMMANDS))
    await writeFile(
      join(folder, `commands/${name}.js`),
      // Written past the streams, which a list of steps holds while it is drawn.
      `import { writeSync } from 'node:fs';
       import { Args } from ${core};
       import { RobleCommand } from ${url('dist/base-command.js')};
       import { RobleError } from ${url('dist/core/base/errors.js')};
       export default class Command extends RobleCommand {${body}\n}\n`,
    );
  return { run, remove: () => rm(folder, { recursive: true, force: true }) };
}
