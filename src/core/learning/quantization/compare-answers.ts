import { type Context, refuseInterrupted } from '../../base/context.js';
import type { OpenSplit } from '../../data/dataset/open.js';
import { copyPictures } from '../../data/dataset/pictures.js';
import { type MeasuredAnswer, measureAnswer } from '../../model/answer-profile.js';
import type { Predictor } from '../../plugin/contracts.js';
import { mostProbable } from '../metrics/metrics.js';

/** Two models: one with floats, and what was made of it. */
export interface ModelPair {
  readonly before: Predictor;
  readonly after: Predictor;
}

export interface ComparedAnswers {
  /** Samples that each has right. */
  readonly right: { readonly before: number; readonly after: number };
  /** Samples for which both name the same class. */
  readonly equal: number;
  /** Each answer of the model `after`. */
  readonly answers: readonly MeasuredAnswer[];
}

/** Images in a call. */
const BATCH = 64;

/** Both models on all samples of a split. */
export async function compareAnswers(
  { before, after }: ModelPair,
  { pictures, labels, count }: OpenSplit,
  context: Context,
): Promise<ComparedAnswers> {
  const { size } = pictures;
  const right = { before: 0, after: 0 };
  let equal = 0;
  const answers: MeasuredAnswer[] = [];
  for (let start = 0; start < count; start += BATCH) {
    refuseInterrupted(context);
    const end = Math.min(start + BATCH, count);
    const batch = copyPictures(pictures, start, end);
    const [old, now] = [await before.predict(batch, end - start), await after.predict(batch, end - start)];
    const classes = now.length / (end - start);
    for (let i = 0; i < end - start; i++) {
      const row = now.subarray(i * classes, (i + 1) * classes);
      const [was, is] = [mostProbable(old.subarray(i * classes, (i + 1) * classes)), mostProbable(row)];
      if (was === labels[start + i]) right.before++;
      if (is === labels[start + i]) right.after++;
      if (was === is) equal++;
      answers.push(measureAnswer(batch.subarray(i * size, (i + 1) * size), row));
    }
    context.reporter?.report({ type: 'progress', id: 'evaluate', done: end, total: count, unit: 'images' });
  }
  return { right, equal, answers };
}
