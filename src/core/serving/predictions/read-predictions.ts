import { RobleError } from '../../base/errors.js';
import type { LoggedModel, ReviewedPrediction } from './logged-prediction.js';
import { describeDatabase } from './database.js';
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
