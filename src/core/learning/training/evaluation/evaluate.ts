import type { LoadedSplit } from '../../../data/dataset/format.js';
import { type EvaluationMetrics, MetricTally } from '../../metrics/metrics.js';
import type { TrainingSession } from '../../../plugin/contracts.js';
import { type EvaluationOptions, streamPredictions } from './stream-predictions.js';

/** Metrics of the current weights on a split; undefined when `onBatch` said to stop. */
export async function evaluateSplit(
  session: Pick<TrainingSession, 'evaluate'>,
  split: LoadedSplit,
  classes: number,
  options: EvaluationOptions,
): Promise<EvaluationMetrics | undefined> {
  const tally = new MetricTally(classes);
  return (await streamPredictions(session, split, [tally], options)) ? tally.metrics() : undefined;
}
