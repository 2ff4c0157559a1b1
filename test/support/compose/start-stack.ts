import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';

const HERE = import.meta.dirname;

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A stack that runs without Docker. */
export interface TestStack {
  /** With docker-compose.yml, scripts and all. */
  readonly folder: string;
  /** Runs a line of a shell in the folder of the stack, on the network of its machine, with a "docker" that knows it. */
  run(line: string, env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** The same, with its input and output while it runs. */
  start(line: string, env?: Readonly<Record<string, string>>): ChildProcessByStdio<Writable, Readable, null>;
  /** What a container wrote. */
  log(name: string): Promise<string>;
  close(): Promise<void>;
}

/**
 * Builds the image of a stack, as far as that is npm's work, and starts its engine; `docker compose up` starts the services.
 *
 * @param folder with secrets
 */
export async function startStack(folder: string): Promise<TestStack> {
  const state = await mkdtemp(join(tmpdir(), 'roble-engine-'));
  const packageFolder = await installPackage(folder, state);
  const bin = join(state, 'bin');
  await mkdir(bin);
  await copyFile(join(HERE, 'docker.js'), join(bin, 'docker'));
  // An ES module without an ending says so in its package.
  await writeFile(join(bin, 'package.json'), '{ "type": "module" }');
  const engine = spawn(
    'unshare',
    ['--mount', '--net', process.execPath, join(HERE, 'engine.js'), folder, state, packageFolder],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await Promise.race([
    once(engine.stdout!, 'data'),
    once(engine, 'exit').then(() => {
      throw new Error('The engine of the stack ended at its start.');
    }),
  ]);
  const shell = (line: string) => [
    `--target=${engine.pid}`,
    ...['--mount', '--net', 'sh', '-c'],
    `cd ${folder} && ${line}`,
  ];
  const environment = (env: Readonly<Record<string, string>>) => ({
    ...process.env,
    ...env,
    PATH: `${bin}:${process.env.PATH}`,
    COMPOSE_ENGINE: join(state, 'engine.sock'),
  });
  return {
    folder,
    start: (line, env = {}) =>
      spawn('nsenter', shell(line), { env: environment(env), stdio: ['pipe', 'pipe', 'inherit'] }),
    async run(line, env = {}) {
      const options = { env: environment(env), maxBuffer: 1 << 28 };
      return promisify(execFile)('nsenter', shell(line), options).then(
        ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
        ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
          status: code,
          stdout,
          stderr,
        }),
      );
    },
    log: (name) => readFile(join(state, 'logs', `${name}.log`), 'utf8'),
    async close() {
      const ended = once(engine, 'exit');
      engine.kill('SIGTERM');
      await ended;
      await rm(state, { recursive: true, force: true });
    },
  };
}

/**
 * The build stage of the Dockerfile: the package of the stack, and the packages that npm would install beside it. Their files
 * are those that npm installed for this repository, of the same versions; a container has them in /opt/installed.
 */
async function installPackage(folder: string, state: string): Promise<string> {
  const run = promisify(execFile);
  await run('tar', ['-xzf', join(folder, 'roble.tgz'), '-C', state]);
  const packageFolder = join(state, 'package');
  const words = ['ci', '--dry-run', '--json', '--omit=dev', '--no-audit', '--no-fund'];
  const { stdout } = await run('npm', words, { cwd: packageFolder });
  const { add } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as { add: { name: string; path: string }[] };
  // A package within another comes with that one.
  for (const { name, path } of add)
    if (relative(packageFolder, path) === join('node_modules', name)) {
      await mkdir(dirname(path), { recursive: true });
      await symlink(join('/opt/installed/node_modules', name), path);
    }
  return packageFolder;
}
