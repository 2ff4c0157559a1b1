import { rm } from 'node:fs/promises';
import { RobleError } from '../errors.js';
import { makeTemporaryFolder } from '../storage/temporary-folder.js';

/** Unpacked bytes and entries that an archive may hold: far more than the formats read here need, less than a bomb. */
const MAX_BYTES = 16 * 2 ** 30;
const MAX_ENTRIES = 5_000_000;

export function isArchive(path: string): boolean {
  return /\.(tar|tgz|tar\.gz)$/i.test(path);
}

/**
 * Unpacks a tar archive into a temporary folder for the time of `work`. Only plain files and folders are taken: no
 * links, no devices, no absolute paths and none with `..`.
 *
 * @throws {RobleError} `ROBLE_SOURCE_UNKNOWN` for what is no archive, leaves its folder, or is too large.
 */
export async function* withUnpacked<T>(
  path: string,
  work: (folder: string) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const folder = await makeTemporaryFolder('import');
  try {
    await unpack(path, folder);
    yield* work(folder);
  } finally {
    // Files of a damaged archive may still be on their way when its error is known.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

async function unpack(path: string, folder: string): Promise<void> {
  const { extract } = await import('tar');
  let bytes = 0;
  let entries = 0;
  let refusal: string | undefined;
  try {
    await extract({
      file: path,
      cwd: folder,
      strict: true,
      noChmod: true,
      filter: (name, entry) => {
        const type = 'type' in entry ? entry.type : 'File';
        bytes += entry.size;
        entries += 1;
        if (name.startsWith('/') || name.split(/[/\\]/).includes('..'))
          refusal ??= `a path outside of it: ${name}`;
        if (bytes > MAX_BYTES || entries > MAX_ENTRIES) refusal ??= 'more than 16 GiB or 5 million entries';
        // Links could lead out of the folder, and no format needs them.
        return refusal === undefined && (type === 'File' || type === 'Directory' || type === 'OldFile');
      },
    });
  } catch (cause) {
    if (['ENOSPC', 'ENOENT', 'EACCES'].includes((cause as NodeJS.ErrnoException).code ?? ''))
      throw RobleError.from(cause);
    throw archiveError(path, (cause as Error).message, cause);
  }
  if (refusal !== undefined) throw archiveError(path, refusal);
}

function archiveError(path: string, received: string, cause?: unknown): RobleError {
  return new RobleError('ROBLE_SOURCE_UNKNOWN', `${path} cannot be unpacked.`, {
    received,
    expected: 'a tar archive, gzip or not, of files and folders inside it',
    cause,
  });
}
