import { RobleError } from '../../../base/errors.js';
import type { LoadedSplit } from '../../../data/dataset/format.js';
import type { TrainingSession } from '../../../plugin/contracts.js';
import {
  type EvaluationMetrics,
  MetricTally,
  mostProbable,
  type PredictionConsumer,
} from '../../metrics/metrics.js';

export interface EvaluationOptions {
  /** Images in one call of the engine. */
  readonly batchSize: number;
  /** Asked after each batch with the samples done so far; false ends the evaluation. */
  readonly onBatch: (done: number) => boolean;
  /** Called with the batch size that is tried from now on, after one that did not fit into the memory. */
  readonly onOutOfMemory: (batchSize: number) => void;
}

/**
 * Passes the predictions for a split, by the current weights, to each consumer. A batch that does not fit into the
 * memory is halved and tried again, down to single images.
 *
 * @returns whether all samples were seen: false when `onBatch` said to stop
 * @throws {RobleError} `ROBLE_OUT_OF_MEMORY` when not even one image fits
 */
export async function streamPredictions(
  session: Pick<TrainingSession, 'evaluate'>,
  split: LoadedSplit,
  consumers: readonly PredictionConsumer[],
  { batchSize, onBatch, onOutOfMemory }: EvaluationOptions,
): Promise<boolean> {
  let size = batchSize;
  for (let start = 0; start < split.count; ) {
    const end = Math.min(start + size, split.count);
    const probabilities = await evaluateRange(session, split, start, end);
    if (probabilities) {
      handOut(probabilities, split.labels.subarray(start, end), start, consumers);
      start = end;
      if (!onBatch(end)) return false;
    } else {
      size = Math.floor((end - start) / 2);
      onOutOfMemory(size);
    }
  }
  return true;
}

/** Probabilities of the samples `start` .. `end` - 1; undefined when the memory is too small for them. */
async function evaluateRange(
  session: Pick<TrainingSession, 'evaluate'>,
  { images, count }: LoadedSplit,
  start: number,
  end: number,
): Promise<Float32Array | undefined> {
  const imageSize = images.length / count;
  try {
    // A copy: engines take no shared memory.
    return await session.evaluate(images.slice(start * imageSize, end * imageSize), end - start);
  } catch (error) {
    const halvable = RobleError.from(error).code === 'ROBLE_OUT_OF_MEMORY' && end - start > 1;
    if (halvable) return undefined;
    throw error;
  }
}

function handOut(
  probabilities: Float32Array,
  labels: ArrayLike<number>,
  start: number,
  consumers: readonly PredictionConsumer[],
): void {
  const classes = probabilities.length / labels.length;
  for (let i = 0; i < labels.length; i++) {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    const predicted = mostProbable(row);
    const prediction = { index: start + i, label: labels[i]!, predicted, probabilities: row };
    for (const consumer of consumers) consumer.add(prediction);
  }
}

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
