import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
    [
      '--mount',
      '--net',
      process.execPath,
      '--import',
      'tsx',
      join(HERE, 'engine.ts'),
      folder,
      state,
      packageFolder,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await Promise.race([
    once(engine.stdout!, 'data'),
    once(engine, 'exit').then(() => {
      throw new Error('The engine of the stack ended at its start.');
    }),
  ]);
  return {
    folder,
    async run(line, env = {}) {
      const words = [`--target=${engine.pid}`, '--mount', '--net', 'sh', '-c', `cd ${folder} && ${line}`];
      const options = {
        env: {
          ...process.env,
          ...env,
          PATH: `${bin}:${process.env.PATH}`,
          COMPOSE_ENGINE: join(state, 'engine.sock'),
        },
        maxBuffer: 1 << 28,
      };
      return promisify(execFile)('nsenter', words, options).then(
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

/** The build stage of the Dockerfile: the package of the stack and the versions that it names, from npm. */
async function installPackage(folder: string, state: string): Promise<string> {
  const run = promisify(execFile);
  await run('tar', ['-xzf', join(folder, 'roble.tgz'), '-C', state]);
  const packageFolder = join(state, 'package');
  await run('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund'], {
    cwd: packageFolder,
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  return packageFolder;
}
