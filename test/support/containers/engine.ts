import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { describe } from 'vitest';
import { describeWhere, isInstalled } from '../programs.js';
import type { LocalImage } from './images.js';
import { startPodman } from './podman.js';

/** What builds images and runs containers in tests. */
export interface Engine {
  readonly name: 'docker' | 'podman';
  /** Services of the stack that cannot be started, because their images are not to be had. */
  readonly missing: readonly string[];
  /** The program and its words that run a line of a shell where ports are published, with a "docker" that knows the engine. */
  shell(line: string): [program: string, ...words: string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Builds an image, by the words of `docker build`; Compose finds each step done then. */
  build(...words: string[]): Promise<void>;
  /** The same in less time: no step is kept. */
  buildOnce(...words: string[]): Promise<void>;
  /** Ends all that it runs. */
  close(): Promise<void>;
}

const isWell = (...[program, ...words]: [string, ...string[]]) => spawnSync(program, words).status === 0;

/** Whether Docker runs, with Compose. Its program alone may be anywhere. */
const hasDocker = () =>
  isWell('docker', 'version', '--format', '{{.Server.Version}}') && isWell('docker', 'compose', 'version');

const hasPodman = () =>
  process.getuid?.() === 0 && ['podman', 'runc', 'catatonit', 'docker-compose'].every(isInstalled);

/** A suite that needs containers. */
export function describeWithContainers(): typeof describe.skip {
  return describeWhere(
    hasDocker() || hasPodman(),
    'there is no running Docker, and no root with podman and the like (.ci/install-programs)',
  );
}

/**
 * Docker where it runs; else podman.
 *
 * @param images that podman's builds and containers stand on, which are made here of Debian's packages
 */
export async function startEngine(images: readonly LocalImage[]): Promise<Engine> {
  const state = await mkdtemp(join(tmpdir(), 'roble-engine-'));
  const clear = () => rm(state, { recursive: true, force: true });
  if (!hasDocker())
    return startPodman(images, state, clear).catch(async (error) => {
      await clear();
      throw error;
    });
  const build = async (...words: string[]) => {
    await promisify(execFile)('docker', ['build', ...words], { maxBuffer: 1 << 28 });
  };
  return {
    name: 'docker',
    missing: [],
    shell: (line) => ['sh', '-c', line],
    env: {},
    build,
    buildOnce: build,
    close: clear,
  };
}
