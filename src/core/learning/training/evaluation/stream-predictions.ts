import { RobleError } from '../../../base/errors.js';
import type { OpenSplit } from '../../../data/dataset/open.js';
import { copyPictures } from '../../../data/dataset/pictures.js';
import type { FeatureReader } from '../../../data/features/feature-table.js';
import type { InputValues } from '../../../model/spec.js';
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

/** What the engine is asked about the samples of a split. */
export interface EvaluationSamples {
  readonly count: number;
  /** uint16, [count]: indices into the classes. */
  readonly labels: Uint16Array;
  /** The samples `start` to `end` - 1, as the model takes them, not in shared memory. */
  inputs(start: number, end: number): InputValues;
}

/** The pictures of a split. */
export function picturesOf({ pictures, labels, count }: OpenSplit): EvaluationSamples {
  return { count, labels, inputs: (start, end) => copyPictures(pictures, start, end) };
}

/** The features of pictures. */
export function featureSamples(
  reader: Pick<FeatureReader, 'readRange'>,
  labels: Uint16Array,
): EvaluationSamples {
  return { count: labels.length, labels, inputs: (start, end) => reader.readRange(start, end) };
}

/** Some of the samples, by their indices. */
export function someOf(samples: EvaluationSamples, indices: readonly number[]): EvaluationSamples {
  return {
    count: indices.length,
    labels: Uint16Array.from(indices, (index) => samples.labels[index]!),
    inputs(start, end) {
      const parts = indices.slice(start, end).map((index) => samples.inputs(index, index + 1));
      const size = parts[0]!.length;
      const values = new (parts[0] instanceof Float32Array ? Float32Array : Uint8Array)(parts.length * size);
      for (const [i, part] of parts.entries()) values.set(part, i * size);
      return values;
    },
  };
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
  split: EvaluationSamples,
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
  samples: EvaluationSamples,
  start: number,
  end: number,
): Promise<Float32Array | undefined> {
  try {
    return await session.evaluate(samples.inputs(start, end), end - start);
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
  split: EvaluationSamples,
  classes: number,
  options: EvaluationOptions,
): Promise<EvaluationMetrics | undefined> {
  const tally = new MetricTally(classes);
  return (await streamPredictions(session, split, [tally], options)) ? tally.metrics() : undefined;
}
