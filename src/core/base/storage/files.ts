import type { Stats } from 'node:fs';
import { access, mkdtemp, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { RobleError } from '../errors.js';

/**
 * Writes a file that must not be there yet.
 *
 * @throws {RobleError} `ROBLE_OUTPUT_EXISTS`, and those of the file system
 */
export async function writeNewFile(path: string, content: Uint8Array | string): Promise<void> {
  await writeFile(path, content, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST') throw RobleError.from(cause);
    throw new RobleError('ROBLE_OUTPUT_EXISTS', `${path} exists already.`, { expected: 'a new file', cause });
  });
}

/**
 * Refuses, before a long work, files that could not be written after it.
 *
 * @throws {RobleError} `ROBLE_OUTPUT_EXISTS` unless `force`; `ROBLE_USAGE` for a file that is named twice
 */
export async function checkOutputs(files: readonly string[], force: boolean): Promise<void> {
  const paths = files.map((file) => resolve(file));
  const twice = files.find((_, i) => paths.indexOf(paths[i]!) !== i);
  if (twice !== undefined)
    throw new RobleError('ROBLE_USAGE', `Two outputs cannot be one file: ${twice}.`, { received: twice });
  if (force) return;
  for (const file of files) {
    if (await exists(file))
      throw new RobleError('ROBLE_OUTPUT_EXISTS', `${file} exists already.`, {
        expected: 'a new file',
        nextSteps: ['Choose another file, or replace it with --force.'],
      });
  }
}

/** Whether reading failed because there is nothing at the path, and not for another reason, such as rights. */
export function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * Whether there is something at a path.
 *
 * @throws {RobleError} `ROBLE_FILE_UNREADABLE` where that cannot be known, such as in a folder of another user
 */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error) => {
      if (isAbsent(error)) return false;
      throw RobleError.from(error);
    },
  );
}

/** For a `catch`: undefined where there is nothing at the path; any other failure is thrown. */
export function absentAsUndefined(error: unknown): undefined {
  if (!isAbsent(error)) throw RobleError.from(error);
}

/** Tells one state of a file from another, without reading it; undefined where there is none. */
export async function fileVersion(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && versionOf(found);
}

/** As {@link fileVersion}, of a file whose status is known. */
export function versionOf({ dev, ino, size, mtimeMs }: Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}`;
}

/** A path as templates, archives and web addresses have it on every system: with `/`. */
export function withSlashes(path: string): string {
  return path.split(sep).join('/');
}

/**
 * Makes a folder of its own for a work that is over when the process ends; who asks for it removes it.
 *
 * @param purpose a word of the folder's name, such as `import`
 * @throws {RobleError} `ROBLE_WRITE_FAILED` where there is no place for one
 */
export async function makeTemporaryFolder(purpose: string): Promise<string> {
  const parent = tmpdir();
  try {
    return await mkdtemp(join(parent, `roble-${purpose}-`));
  } catch (error) {
    const coded = RobleError.from(error);
    if (coded.code === 'ROBLE_DISK_FULL') throw coded;
    throw new RobleError('ROBLE_WRITE_FAILED', `No temporary folder can be made in ${parent}.`, {
      received: (error as Error).message,
      expected: 'a folder that this user may write',
      nextSteps: ['Set TMPDIR to such a folder, or give the container one ("--tmpfs /tmp").'],
      cause: error,
    });
  }
}
