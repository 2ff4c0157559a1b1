import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { checked } from '../../base/schema/checked.js';
import { absentAsUndefined, exists } from '../../base/storage/files.js';
import { readPlainText } from '../../base/storage/read-file.js';
import { readTextFile } from '../../base/storage/text-file.js';
import { readForeignHistory } from './foreign-history.js';
import { checkHistory, foldLines, parseHistoryJson, readHistory } from './read-run.js';
import { type EvaluationReport, evaluationSchema, RUN_FILES, type RunHistory } from './record.js';
import type { RecordedEpoch, RecordedRun } from './recorded-run.js';

type Warn = (message: string) => void;

/**
 * Reads runs: folders of `roble train`, or history files of roble, Keras, PyTorch programs and the like. What is not
 * taken as it is written is reported as a warning.
 *
 * @throws {RobleError} `ROBLE_HISTORY_INVALID`, `ROBLE_FILE_NOT_FOUND`
 */
export async function loadRuns(paths: readonly string[], { reporter }: Context = {}): Promise<RecordedRun[]> {
  const warn: Warn = (message) => reporter?.report({ type: 'warning', message });
  const distinct = new Map<string, string>();
  for (const path of paths) {
    if (distinct.has(resolve(path))) warn(`${path} is named twice; it counts once.`);
    else distinct.set(resolve(path), path);
  }
  const runs: RecordedRun[] = [];
  for (const path of distinct.values())
    runs.push(await loadRun(path, (message) => warn(`${path}: ${message}`)));
  const taken = (name: string) => runs.filter((run) => run.name === name).length > 1;
  return runs.map((run) => (taken(run.name) ? { ...run, name: run.path } : run));
}

async function loadRun(path: string, warn: Warn): Promise<RecordedRun> {
  const isFolder = (await stat(path).catch((error) => Promise.reject(RobleError.from(error)))).isDirectory();
  if (!isFolder) return loadFile(path, warn);
  const file = join(path, RUN_FILES.history);
  return (await isForeign(file))
    ? { ...(await loadFile(file, warn)), path }
    : robleRun(path, path, await readHistory(path, warn), warn);
}

/** Whether a file holds something readable that is no history of roble. */
async function isForeign(file: string): Promise<boolean> {
  return readTextFile(file)
    .then(
      (text) => !isRoble(parseHistoryJson(text, file)),
      () => false,
    )
    .catch(() => false);
}

async function loadFile(path: string, warn: Warn): Promise<RecordedRun> {
  const text = await readTextFile(path, { code: 'ROBLE_HISTORY_INVALID' });
  const folder = dirname(path);
  if (firstLine(text)?.type === 'run') {
    const passedOver = (line: number) => warn(`Line ${line} cannot be read; it was passed over.`);
    return robleRun(path, folder, foldLines(text, path, passedOver), warn);
  }
  const value = parseText(text, path);
  if (isRoble(value)) return robleRun(path, folder, checkHistory(value, path), warn);
  const { format, epochs } = readForeignHistory(value, path, warn);
  return { path, name: nameOf(path), format, epochs, settings: {}, events: [] };
}

/** A document, or a document in each line. */
function parseText(text: string, file: string): unknown {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return firstLine(text) && lines.length > 1
    ? lines.map((line) => parseHistoryJson(line, file))
    : parseHistoryJson(text, file);
}

/** The object that is alone on the first line, if there is one. */
function firstLine(text: string): Record<string, unknown> | undefined {
  const line = text.trimStart().split('\n', 1)[0]!;
  try {
    return line.startsWith('{') ? (parseHistoryJson(line, '') as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isRoble(value: unknown): boolean {
  return (value as { format?: unknown } | null)?.format === 'roble-history';
}

async function robleRun(path: string, folder: string, history: RunHistory, warn: Warn): Promise<RecordedRun> {
  const evaluation = await loadEvaluation(folder, warn);
  const mistakesFile = join(folder, RUN_FILES.mistakes);
  const hasMistakes = await exists(mistakesFile);
  return {
    path,
    name: nameOf(path),
    format: 'roble',
    epochs: history.epochs.map(asRecordedEpoch),
    settings: history.run,
    events: history.events,
    ...(evaluation && { evaluation }),
    ...(hasMistakes && { mistakesFile }),
  };
}

function asRecordedEpoch({ epoch, ...metrics }: RunHistory['epochs'][number]): RecordedEpoch {
  // On the disk, there may be null for NaN, and values of another version that are no numbers.
  const entries = Object.entries(metrics as Record<string, unknown>).filter(
    (entry): entry is [string, number | null] => entry[1] === null || typeof entry[1] === 'number',
  );
  return { epoch, metrics: Object.fromEntries(entries) };
}

/** The last part of a path that says which run it is. */
function nameOf(path: string): string {
  const full = resolve(path);
  const isCommon = [RUN_FILES.history, RUN_FILES.lines].includes(basename(full) as typeof RUN_FILES.history);
  return basename(isCommon ? dirname(full) : full);
}

/**
 * The results by class of a run folder; undefined without such a file, and with one that is damaged.
 *
 * @param warn hears what is wrong with a damaged one: the curves can be analysed all the same
 */
export async function loadEvaluation(
  folder: string,
  warn: (message: string) => void,
): Promise<EvaluationReport | undefined> {
  const file = join(folder, RUN_FILES.evaluation);
  const text = await readPlainText(file).catch(absentAsUndefined);
  if (text === undefined) return undefined;
  try {
    return checked(
      evaluationSchema,
      parseHistoryJson(text, file),
      'ROBLE_HISTORY_INVALID',
      `${file} is damaged.`,
    );
  } catch (error) {
    const { message, details } = RobleError.from(error);
    const problems = (details.problems ?? [])
      .slice(0, 3)
      .map((problem) => `${problem.path} ${problem.message}`);
    warn(`${[message, ...problems].join(' ')} The results by class are left out.`);
    return undefined;
  }
}
