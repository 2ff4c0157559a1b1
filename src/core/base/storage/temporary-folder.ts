import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RobleError } from '../errors.js';

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
