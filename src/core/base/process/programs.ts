import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { makeTemporaryFolder } from '../storage/files.js';

/** Debian keeps these out of the way of users who are not root. */
const MORE_PATHS =
  '/usr/sbin:/sbin:/usr/lib/postgresql/15/bin:/usr/lib/postgresql/16/bin:/usr/lib/postgresql/17/bin:/usr/lib/postgresql/18/bin';
const LIMIT_MS = 60_000;

export interface ProgramRun {
  readonly isWell: boolean;
  readonly output: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** Runs a program to its end; undefined where it is not installed. */
export function runProgram(
  program: string,
  words: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramRun | undefined> {
  const env = { ...process.env, PATH: `${process.env.PATH}:${MORE_PATHS}`, LC_ALL: 'C' };
  return new Promise((resolve) => {
    execFile(
      program,
      [...words],
      { ...options, env, timeout: LIMIT_MS, maxBuffer: 1 << 24 },
      (error, stdout, stderr) => {
        if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT') resolve(undefined);
        else resolve({ isWell: error === null, output: `${stdout}${stderr}`.trim() });
      },
    );
  });
}

/** A folder for the time of a check. */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeTemporaryFolder('check');
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The end of what a program said, as it fits into a message. */
export function lastLines(output: string, count = 3): string {
  return output.split('\n').filter(Boolean).slice(-count).join('; ').slice(0, 600);
}
