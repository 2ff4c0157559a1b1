import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { csvField } from '../../base/text/text.js';
import { describeDatabase } from './database.js';
import type { LoggedModel, ReviewedPrediction } from './logged-prediction.js';
import { type PredictionFilter, PredictionStore } from './prediction-store.js';

/**
 * The predictions of a log, in the order of their times, in constant memory.
 *
 * @param url `postgres://...`, or the path of an SQLite file
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_PREDICTIONS_INVALID`, `ROBLE_PREDICTIONS_UNAVAILABLE`
 */
export async function* readPredictions(
  url: string,
  filter: PredictionFilter = {},
): AsyncGenerator<ReviewedPrediction> {
  const store = new PredictionStore(url, { readOnly: true });
  try {
    yield* store.read(filter);
  } catch (error) {
    throw asReadError(url, error);
  } finally {
    await store.close();
  }
}

/**
 * The model of the newest prediction that has feedback and a picture.
 *
 * @throws {RobleError} `ROBLE_SOURCE_EMPTY` where there is none, and as {@link readPredictions}
 */
export async function newestReviewedModel(url: string): Promise<LoggedModel> {
  const store = new PredictionStore(url, { readOnly: true });
  try {
    const model = await store.newestReviewedModel();
    if (model) return model;
  } catch (error) {
    throw asReadError(url, error);
  } finally {
    await store.close();
  }
  throw new RobleError('ROBLE_SOURCE_EMPTY', `${describeDatabase(url)} has no feedback with a picture.`, {
    expected: 'feedback on predictions whose pictures were kept, or that came with the picture',
    nextSteps: [
      'Let "roble serve" keep what the model sees: --keep-images, or serve.predictions.keepImages.',
    ],
  });
}

/** What PostgreSQL and SQLite say about a database that is none of ours. */
const NOT_OURS = /^(42P01|42703|SQLITE_NOTADB|SQLITE_CORRUPT)$/;
const NO_TABLE = /no such (table|column)/;

function asReadError(url: string, error: unknown): RobleError {
  if (error instanceof RobleError) return error;
  const { code = '', message } = error as Error & { code?: string };
  const name = describeDatabase(url);
  if (NOT_OURS.test(code) || NO_TABLE.test(message))
    return new RobleError('ROBLE_PREDICTIONS_INVALID', `${name} is no log of predictions: ${message}.`, {
      expected: 'a database that "roble serve" wrote',
      cause: error,
    });
  return new RobleError('ROBLE_PREDICTIONS_UNAVAILABLE', `${name} cannot be read: ${message || code}.`, {
    cause: error,
  });
}

export interface ExportPredictionsOptions extends Omit<PredictionFilter, 'withPixels'> {
  /** `postgres://...`, or the path of an SQLite file. */
  readonly from: string;
  /** A file that is not there yet, or an open stream, which stays open. */
  readonly out: string | Writable;
  /** `csv`: a header and a line for each prediction (RFC 4180). `jsonl`: an object on each line. */
  readonly format: 'csv' | 'jsonl';
  /** Whether to write the pictures that were kept, too. */
  readonly pixels?: boolean | undefined;
}

/**
 * Writes the predictions of a log, oldest first, in constant memory.
 *
 * @returns how many there were
 * @throws {RobleError} `ROBLE_OUTPUT_EXISTS`, `ROBLE_INTERRUPTED`, and those of {@link readPredictions}
 */
export async function exportPredictions(
  { from, out, format, pixels = false, ...filter }: ExportPredictionsOptions,
  { signal }: Context = {},
): Promise<number> {
  let count = 0;
  async function* lines(): AsyncGenerator<string> {
    if (format === 'csv') yield csvLine(Object.keys(csvRecord(undefined, pixels)));
    for await (const prediction of readPredictions(from, { ...filter, withPixels: pixels })) {
      yield format === 'csv'
        ? csvLine(Object.values(csvRecord(prediction, pixels)))
        : `${JSON.stringify(jsonRecord(prediction, pixels))}\n`;
      count++;
    }
  }
  const source = Readable.from(lines());
  if (typeof out === 'string') await writeFile(out, source, signal);
  else await pipeline(source, out, { end: false, ...(signal && { signal }) });
  return count;
}

async function writeFile(path: string, source: Readable, signal: AbortSignal | undefined): Promise<void> {
  try {
    await pipeline(source, createWriteStream(path, { flags: 'wx' }), { ...(signal && { signal }) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new RobleError('ROBLE_OUTPUT_EXISTS', `${path} exists already.`, { expected: 'a new file' });
    await rm(path, { force: true });
    throw error;
  }
}

function jsonRecord(prediction: ReviewedPrediction, withPixels: boolean) {
  const { requestId, index, at, model, predictions, feedback, source, timings } = prediction;
  return {
    requestId,
    index,
    time: at.toISOString(),
    model: { name: model.name, digest: model.digest },
    predictions,
    feedback: feedback ? { label: feedback.label, time: feedback.at.toISOString() } : null,
    source,
    timings,
    ...(withPixels && { picture: pictureOf(prediction) }),
  };
}

function pictureOf({ model, pixels, feedback }: ReviewedPrediction) {
  const seen = feedback?.pixels ?? pixels;
  if (!seen) return null;
  const { width, height, channels } = model.preprocessing;
  return { width, height, channels, pixels: Buffer.from(seen).toString('base64') };
}

/** A line by its columns; without a prediction, empty. */
function csvRecord(prediction: ReviewedPrediction | undefined, withPixels: boolean) {
  const { requestId, index, at, model, predictions, feedback, source, timings } = prediction ?? {};
  const picture = prediction && withPixels ? pictureOf(prediction) : undefined;
  return {
    requestId,
    index,
    time: at?.toISOString(),
    model: model?.name,
    digest: model?.digest,
    label: predictions?.[0]?.label,
    probability: predictions?.[0]?.probability,
    feedback: feedback?.label,
    feedbackTime: feedback?.at.toISOString(),
    source,
    decodeMs: timings?.decodeMs,
    queueMs: timings?.queueMs,
    inferenceMs: timings?.inferenceMs,
    totalMs: timings?.totalMs,
    predictions: predictions && JSON.stringify(predictions),
    ...(withPixels && {
      width: picture?.width,
      height: picture?.height,
      channels: picture?.channels,
      pixels: picture?.pixels,
    }),
  };
}

function csvLine(fields: readonly unknown[]): string {
  return `${fields.map((field) => csvField(String(field ?? ''))).join(',')}\r\n`;
}
