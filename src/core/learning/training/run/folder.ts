import { mkdir, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RobleError } from '../../../base/errors.js';
import { RUN_FILES } from '../../history/record.js';
import { sweepPartials } from '../../../base/storage/durable.js';
import { type FolderLock, LOCK, takeLock } from '../../../base/storage/folder-lock.js';

/** A run folder that is ours until it is released. */
export interface RunFolder extends FolderLock {
  readonly path: string;
}

export interface ClaimedFolder extends RunFolder {
  /** Whether it was not there before. */
  readonly isNew: boolean;
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
 * @throws {RobleError} `ROBLE_FOLDER_LOCKED` when a living process trains there, `ROBLE_RUN_EXISTS` when it holds files.
 */
export async function claimRunFolder(folder: string): Promise<ClaimedFolder> {
  const made = await mkdir(folder, { recursive: true });
  const claimed = await lockRunFolder(folder);
  const { path, release } = claimed;
  const files = (await readdir(path)).filter((name) => !name.startsWith(LOCK) && !name.startsWith('.'));
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
  return { ...claimed, isNew: made !== undefined };
}

/**
 * Takes a folder that is there already.
 *
 * @throws {RobleError} `ROBLE_FOLDER_LOCKED` when a living process trains there.
 */
export async function lockRunFolder(folder: string): Promise<RunFolder> {
  const path = resolve(folder);
  const lock = await takeLock(path);
  for (const partial of [path, join(path, RUN_FILES.checkpoints)]) await sweepPartials(partial);
  return { path, ...lock };
}
