import { isDeepStrictEqual } from 'node:util';
import { optional } from '../../base/collections.js';
import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { countOf } from '../../base/text/text.js';
import type { SplitName } from '../../data/dataset/format.js';
import type { SourceItem } from '../../data/formats/source.js';
import {
  type ImportOptions,
  type ImportResult,
  importDataset,
  type SampleReader,
} from '../../data/import-export/import.js';
import type { Preprocessing } from '../../image/settings.js';
import { describeDatabase } from './database.js';

export interface ImportFeedbackOptions extends Omit<ImportOptions, 'preprocessing'> {
  /** The log of a server: `postgres://...`, or the path of an SQLite file. */
  readonly from: string;
}

/**
 * Imports the predictions of a log that have feedback into a new data set, each under the class that the feedback says. The
 * pictures are what the model saw, bit for bit, and the preprocessing is that of the newest model with such feedback; other
 * sources are converted in the same way. If these have splits of their own, feedback is for training.
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
  const haveSplits = sources.some(
    (source) => typeof source === 'object' && 'split' in source && source.split !== undefined,
  );
  const feedback = feedbackReader(from, preprocessing, haveSplits ? 'train' : undefined);
  return importDataset({ ...options, preprocessing, sources: [feedback, ...sources] }, context);
}

function feedbackReader(
  from: string,
  preprocessing: Preprocessing,
  split: SplitName | undefined,
): SampleReader {
  return {
    name: describeDatabase(from),
    recipe: { ...optional('split', split), isFeedback: true },
    read: () => readFeedback(from, preprocessing, split),
  };
}

/**
 * The predictions of a log that have feedback, with what the model saw of each. The classes are those of the models, and
 * samples are named after their requests.
 *
 * @param url `postgres://...`, or the path of an SQLite file
 * @param preprocessing that pictures must have been made with; others are bad samples
 * @throws {RobleError} those of `readPredictions`
 */
async function* readFeedback(
  url: string,
  preprocessing: Preprocessing,
  split: SplitName | undefined,
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
      yield { source, error: otherPreprocessing(model.name) };
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

function otherPreprocessing(name: string): RobleError {
  return new RobleError(
    'ROBLE_DATASETS_DIFFER',
    'The picture was made with other preprocessing than that of the newest model.',
    { received: `what an earlier ${name} saw` },
  );
}
