import { join } from 'node:path';
import { checked } from '../../base/schema/checked.js';
import { RobleError } from '../../base/errors.js';
import { readPlainText } from '../../base/storage/read-file.js';
import { foldLines } from './fold-lines.js';
import { asRunHistory, historySchema } from './history-schema.js';
import { parseHistoryJson } from './parse-json.js';
import { RUN_FILES, type RunHistory } from './record.js';

/**
 * The history of a run folder: `history.json`, or where that is absent or damaged, what `history.jsonl` tells.
 *
 * @param warn hears what was wrong with a file that could be done without
 * @throws {RobleError} `ROBLE_HISTORY_INVALID`, `ROBLE_FILE_NOT_FOUND`
 */
export async function readHistory(
  runFolder: string,
  warn: (message: string) => void = () => {},
): Promise<RunHistory> {
  const file = join(runFolder, RUN_FILES.history);
  try {
    return checkHistory(parseHistoryJson(await readPlainText(file), file), file);
  } catch (thrown) {
    const error = RobleError.from(thrown);
    const history = await readLines(runFolder, warn).catch((cause) => {
      throw worseOf(runFolder, error, RobleError.from(cause));
    });
    warn(`${error.message} Read ${RUN_FILES.lines} instead.`);
    return history;
  }
}

/** As {@link readHistory}; undefined where the folder holds none. */
export async function readHistoryIfAny(runFolder: string): Promise<RunHistory | undefined> {
  return readHistory(runFolder).catch((error) => {
    if (RobleError.from(error).code === 'ROBLE_FILE_NOT_FOUND') return undefined;
    throw error;
  });
}

/** @throws {RobleError} `ROBLE_HISTORY_INVALID` naming what is wrong */
export function checkHistory(value: unknown, file: string): RunHistory {
  const message = `${file} is no history that this version of roble reads.`;
  return asRunHistory(checked(historySchema, value, 'ROBLE_HISTORY_INVALID', message));
}

async function readLines(runFolder: string, warn: (message: string) => void): Promise<RunHistory> {
  const file = join(runFolder, RUN_FILES.lines);
  return foldLines(await readPlainText(file), file, (line) =>
    warn(`Line ${line} of ${file} cannot be read; it was passed over.`),
  );
}

/** What to tell of two files that cannot be read: that one is damaged says more than that the other is absent. */
function worseOf(runFolder: string, ofWhole: RobleError, ofLines: RobleError): RobleError {
  const damaged = [ofWhole, ofLines].find(({ code }) => code !== 'ROBLE_FILE_NOT_FOUND');
  return (
    damaged ??
    new RobleError('ROBLE_FILE_NOT_FOUND', `${runFolder} holds no history of a run.`, {
      expected: `${RUN_FILES.history} or ${RUN_FILES.lines} in the folder`,
      cause: ofWhole,
    })
  );
}
