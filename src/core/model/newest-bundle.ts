import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../base/errors.js';
import { absentAsUndefined } from '../base/storage/exists.js';

/**
 * The bundle of the run that exported one last.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND` when no run has one.
 */
export async function findNewestBundle(runs: string): Promise<string> {
  const names = await readdir(runs).catch(absentAsUndefined);
  const candidates = await Promise.all(
    (names ?? []).map(async (name) => {
      const folder = join(runs, name, 'model');
      const status = await stat(join(folder, 'model.json')).catch(absentAsUndefined);
      return status && { folder, time: status.mtimeMs };
    }),
  );
  const [newest] = candidates.flatMap((candidate) => candidate ?? []).sort((a, b) => b.time - a.time);
  if (newest) return newest.folder;
  throw new RobleError('ROBLE_FILE_NOT_FOUND', `No run under "${runs}" has exported a model.`, {
    expected: 'a folder runs/RUN/model',
    nextSteps: ['Train one with "roble train", or name a bundle with --model.'],
  });
}
