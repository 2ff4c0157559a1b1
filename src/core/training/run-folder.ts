import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RobleError } from '../errors.js';

const LOCK = 'run.lock';

/** A run folder that is ours until it is released. */
export interface RunFolder {
  readonly path: string;
  release(): Promise<void>;
}

/** The next free `run-NNNN` under a folder. */
export async function nextRunFolder(runs: string): Promise<string> {
  await mkdir(runs, { recursive: true });
  return join(runs, runName((await newestNumber(runs)) + 1));
}

/**
 * The `run-NNNN` with the highest number under a folder.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND` when there is none.
 */
export async function newestRun(runs: string): Promise<string> {
  const number = await newestNumber(runs);
  if (number > 0) return join(runs, runName(number));
  throw new RobleError('ROBLE_FILE_NOT_FOUND', `There is no run under "${runs}".`, {
    expected: `a folder ${join(runs, runName(1))}`,
    nextSteps: ['Name the folder of the run, or where the runs are with --runs.'],
  });
}

async function newestNumber(runs: string): Promise<number> {
  const names = await readdir(runs).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const numbers = names.map((name) => Number(/^run-(\d+)$/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

function runName(number: number): string {
  return `run-${String(number).padStart(4, '0')}`;
}

/**
 * Takes a folder for a new run.
 *
 * @throws {RobleError} `ROBLE_RUN_LOCKED` when a living process trains there, `ROBLE_RUN_EXISTS` when it holds files.
 */
export async function claimRunFolder(folder: string): Promise<RunFolder> {
  await mkdir(folder, { recursive: true });
  const { path, release } = await lockRunFolder(folder);
  const files = (await readdir(path)).filter((name) => name !== LOCK);
  if (files.length > 0) {
    await release();
    throw new RobleError('ROBLE_RUN_EXISTS', `${path} is not empty.`, {
      received: files.slice(0, 3).join(', '),
      expected: 'a new or empty folder for a new run',
      nextSteps: [
        `Choose another run folder, such as ${join(dirname(path), `${basename(path)}-2`)}.`,
        'Go on with the run that is there by "roble train:resume".',
      ],
    });
  }
  return { path, release };
}

/**
 * Takes a folder that is there already.
 *
 * @throws {RobleError} `ROBLE_RUN_LOCKED` when a living process trains there.
 */
export async function lockRunFolder(folder: string): Promise<RunFolder> {
  const path = resolve(folder);
  const lock = join(path, LOCK);
  await takeLock(lock, path);
  return { path, release: () => rm(lock, { force: true }) };
}

async function takeLock(lock: string, folder: string, retry = true): Promise<void> {
  try {
    const handle = await open(lock, 'wx');
    await handle.writeFile(JSON.stringify({ pid: process.pid, started: await startTimeOf(process.pid) }));
    await handle.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const owner = await readOwner(lock);
    if (!retry || (await isAlive(owner)))
      throw new RobleError(
        'ROBLE_RUN_LOCKED',
        `Another process (${owner?.pid ?? 'just starting'}) is training in ${folder}.`,
        {
          expected: 'one training process in a run folder',
          nextSteps: ['Wait for it, stop it, or choose another run folder.'],
        },
      );
    // What a killed process left behind.
    await rm(lock, { force: true });
    await takeLock(lock, folder, false);
  }
}

interface LockOwner {
  readonly pid: number;
  readonly started: string | undefined;
}

/** Undefined while the owner has not written its name yet. */
async function readOwner(lock: string): Promise<LockOwner | undefined> {
  try {
    return JSON.parse(await readFile(lock, 'utf8')) as LockOwner;
  } catch {
    return undefined;
  }
}

async function isAlive(owner: LockOwner | undefined): Promise<boolean> {
  if (!owner) return true;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // A process number is used again; the start time tells a new process from the owner.
  return (await startTimeOf(owner.pid)) === owner.started;
}

/** When a process started, in clock ticks since boot; undefined where the system does not tell. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
