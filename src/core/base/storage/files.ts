import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { RobleError } from '../errors.js';
import { exists } from './exists.js';

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
