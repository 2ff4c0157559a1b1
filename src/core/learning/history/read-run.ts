import { join } from 'node:path';
import { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import { checked } from '../../base/schema/checked.js';
import { parseJson, readPlainText } from '../../base/storage/read-file.js';
import {
  asRunHistory,
  epochSchema,
  eventSchema,
  historySchema,
  REPEATED_EVENTS,
  RUN_FILES,
  type RunHistory,
} from './record.js';

/**
 * The history of a run folder: `history.json`, or where that is absent or damaged, what `history.jsonl` holds.
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

/** The error for two files that cannot be read: that one is damaged says more than that the other is absent. */
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

const lineSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('run') }),
  epochSchema.extend({ type: z.literal('epoch') }),
  eventSchema.extend({ type: z.literal('event') }),
  z.looseObject({
    type: z.literal('resumed'),
    epoch: z.int().gte(0),
    step: z.int().gte(0).default(Number.MAX_SAFE_INTEGER),
  }),
]);

/**
 * The history in the lines of `history.jsonl`. `resumed` says how many epochs were complete, and at which step:
 * what is after it comes again. So does every epoch from the number of an epoch line on, should that mark be lost. A
 * line that was torn by a crash is passed over.
 *
 * @param passedOver hears the number of each line that cannot be read, the last one excepted: a run that lives, or was
 *   killed, has not ended it yet
 * @throws {RobleError} `ROBLE_HISTORY_INVALID` when no line says which run it is
 */
export function foldLines(text: string, file: string, passedOver: (line: number) => void): RunHistory {
  const lines = text.split('\n');
  let run: Record<string, unknown> | undefined;
  let epochs: z.output<typeof epochSchema>[] = [];
  let events: z.output<typeof eventSchema>[] = [];
  for (const [i, line] of lines.entries()) {
    const entry = lineSchema.safeParse(parseJson(line)).data;
    if (!entry) {
      if (line.trim() !== '' && i < lines.length - 1) passedOver(i + 1);
      continue;
    }
    const { type, ...record } = entry;
    if (type === 'run') run = record;
    else if (type === 'epoch')
      epochs = [...epochs.filter(({ epoch }) => epoch < entry.epoch), { ...record, epoch: entry.epoch }];
    else if (type === 'event') events.push(record as z.output<typeof eventSchema>);
    else {
      epochs = epochs.filter(({ epoch }) => epoch <= entry.epoch);
      events = events.filter(({ event, step }) => step < entry.step || !REPEATED_EVENTS.has(event));
    }
  }
  if (run) return asRunHistory({ run, epochs, events });
  throw new RobleError('ROBLE_HISTORY_INVALID', `${file} does not say which run it is of.`, {
    expected: 'a line of the type "run"',
  });
}

/**
 * JSON, with `NaN` and `Infinity` read as null: Python's `json.dump` writes them, though no standard has them.
 *
 * @throws {RobleError} `ROBLE_HISTORY_INVALID`
 */
export function parseHistoryJson(text: string, file: string): unknown {
  try {
    return JSON.parse(withoutNonFinite(text));
  } catch (cause) {
    throw new RobleError('ROBLE_HISTORY_INVALID', `${file} is not valid JSON.`, {
      received: (cause as Error).message,
      expected: 'a history as JSON',
      cause,
    });
  }
}

function withoutNonFinite(text: string): string {
  if (!/NaN|Infinity/.test(text)) return text;
  // Strings are matched too, so that the words inside them are left alone.
  return text.replace(/"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)\b/g, (token) =>
    token.startsWith('"') ? token : 'null',
  );
}
