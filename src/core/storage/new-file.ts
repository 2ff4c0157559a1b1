import { writeFile } from 'node:fs/promises';
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
