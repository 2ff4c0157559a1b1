import type { Context } from '../../base/context.js';
import { type ImportOptions, type ImportResult, importDataset } from '../../data/import-export/import.js';

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
