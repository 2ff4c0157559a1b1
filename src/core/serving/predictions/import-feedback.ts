import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { countOf } from '../../base/text.js';
import { optional } from '../../data/dataset/format.js';
import type { ReaderOptions, SourceItem } from '../../data/formats/source.js';
import { type ImportOptions, type ImportResult, importDataset } from '../../data/import-export/import.js';
import type { Preprocessing } from '../../image/settings.js';

export interface ImportFeedbackOptions extends Omit<ImportOptions, 'preprocessing'> {
  /** The log of a server: `postgres://...`, or the path of an SQLite file. */
  readonly from: string;
}

/**
 * Imports the predictions that somebody said the right class of, into a new data set. The pictures are what the model saw,
 * bit for bit, and the preprocessing is that of the newest model with such feedback; other sources are converted alike.
 * Where these have splits of their own, feedback is for training.
 *
 * @throws {RobleError} `ROBLE_SOURCE_EMPTY`, `ROBLE_PREDICTIONS_INVALID`, `ROBLE_PREDICTIONS_UNAVAILABLE`, and those of
 *   {@link importDataset}
 *
 * @example
 * await importFeedback({ from: '.roble/predictions.db', sources: [], out: 'data/feedback' });
 */
export async function importFeedback(
  { from, sources, ...options }: ImportFeedbackOptions,
  context: Context = {},
): Promise<ImportResult> {
  const { newestReviewedModel } = await import('./read-predictions.js');
  const { preprocessing } = await newestReviewedModel(from);
  const haveSplits = sources.some((source) => typeof source !== 'string' && source.split !== undefined);
  const feedback = { path: from, isFeedback: true, ...(haveSplits && { split: 'train' as const }) };
  return importDataset({ ...options, preprocessing, sources: [feedback, ...sources] }, context);
}

/**
 * Reads the predictions of a log that somebody said the right class of, with what the model saw of each. The classes are
 * those of the models, and samples are named by their requests.
 *
 * @param url `postgres://...`, or the path of an SQLite file
 * @param preprocessing that pictures must have been made with; others are bad samples
 * @throws {RobleError} those of `readPredictions`
 */
export async function* readFeedback(
  url: string,
  preprocessing: Preprocessing,
  { split }: ReaderOptions,
): AsyncGenerator<SourceItem> {
  const { readPredictions } = await import('./read-predictions.js');
  const digests = new Set<string>();
  let withoutPicture = 0;
  for await (const { requestId, index, model, pixels, feedback } of readPredictions(url, {
    withFeedback: true,
    withPixels: true,
  })) {
    const picture = feedback!.pixels ?? pixels;
    if (!picture) {
      withoutPicture++;
      continue;
    }
    const source = `${requestId}#${index}`;
    if (!isDeepStrictEqual(model.preprocessing, preprocessing)) {
      yield { source, error: madeOtherwise(model.name) };
      continue;
    }
    if (!digests.has(model.digest)) yield { classes: model.classes };
    digests.add(model.digest);
    yield {
      source,
      label: feedback!.label,
      ...optional('split', split),
      picture: { kind: 'prepared', pixels: picture },
    };
  }
  if (withoutPicture > 0)
    yield {
      warning: `${countOf(withoutPicture, 'prediction')} with feedback left out, because no picture was kept`,
    };
}

function madeOtherwise(name: string): RobleError {
  return new RobleError(
    'ROBLE_DATASETS_DIFFER',
    'The picture was made otherwise than those of the newest model.',
    {
      received: `what an earlier ${name} saw`,
    },
  );
}
