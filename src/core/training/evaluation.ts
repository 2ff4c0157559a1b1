import type { LoadedSplit } from '../dataset/format.js';
import type { TrainingSession } from '../plugin/api.js';

export interface EvaluationMetrics {
  /** Mean cross-entropy, in nats. */
  readonly valLoss: number;
  readonly valAccuracy: number;
  /** Share whose class is among the three most probable. */
  readonly valTop3Accuracy: number;
  /** Mean over the classes of the share that is right. */
  readonly valBalancedAccuracy: number;
}

/** A probability of zero would make the loss infinite; float32 softmax gives such zeros. */
const SMALLEST_PROBABILITY = 1e-12;

/** Metrics of the current weights on a split. `stopped` is asked between batches; then the result is undefined. */
export async function evaluateSplit(
  session: TrainingSession,
  split: LoadedSplit,
  classes: number,
  batchSize: number,
  onBatch: (done: number) => boolean,
): Promise<EvaluationMetrics | undefined> {
  const tally = new Tally(classes);
  const imageSize = split.images.length / split.count;
  for (let start = 0; start < split.count; start += batchSize) {
    const end = Math.min(start + batchSize, split.count);
    // A copy: engines take no shared memory.
    const images = split.images.slice(start * imageSize, end * imageSize);
    tally.add(await session.evaluate(images, end - start), split.labels.subarray(start, end));
    if (!onBatch(end)) return undefined;
  }
  return tally.metrics();
}

/** Counts over predictions. */
class Tally {
  readonly #classes: number;
  readonly #right: Float64Array;
  readonly #seen: Float64Array;
  #lossSum = 0;
  #top3 = 0;

  constructor(classes: number) {
    this.#classes = classes;
    this.#right = new Float64Array(classes);
    this.#seen = new Float64Array(classes);
  }

  add(probabilities: Float32Array, labels: ArrayLike<number>): void {
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i]!;
      const row = probabilities.subarray(i * this.#classes, (i + 1) * this.#classes);
      const own = row[label]!;
      let better = 0;
      for (let other = 0; other < row.length; other++)
        if (row[other]! > own || (row[other] === own && other < label)) better++;
      this.#lossSum -= Math.log(Math.max(own, SMALLEST_PROBABILITY));
      this.#seen[label]!++;
      if (better === 0) this.#right[label]!++;
      if (better < 3) this.#top3++;
    }
  }

  metrics(): EvaluationMetrics {
    const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
    const count = sum(this.#seen);
    const recalls = [...this.#seen].flatMap((seen, label) => (seen > 0 ? [this.#right[label]! / seen] : []));
    return {
      valLoss: this.#lossSum / count,
      valAccuracy: sum(this.#right) / count,
      valTop3Accuracy: this.#top3 / count,
      valBalancedAccuracy: sum(recalls) / recalls.length,
    };
  }
}
