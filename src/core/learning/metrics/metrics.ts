import { NO_CLASS, type PredictionConsumer, type SamplePrediction } from './sample-prediction.js';

export interface EvaluationMetrics {
  /** Mean cross-entropy, in nats; NaN where a probability is not a finite number. */
  readonly valLoss: number;
  readonly valAccuracy: number;
  /** Share whose class is among the three most probable. */
  readonly valTop3Accuracy: number;
  /** Mean over the classes of the share that is right. */
  readonly valBalancedAccuracy: number;
}

/** A probability of zero would make the loss infinite; float32 softmax gives such zeros. */
const SMALLEST_PROBABILITY = 1e-12;

/** The metrics of an epoch, counted prediction by prediction. */
export class MetricTally implements PredictionConsumer {
  readonly #right: Float64Array;
  readonly #seen: Float64Array;
  #lossSum = 0;
  #top3 = 0;

  constructor(classes: number) {
    this.#right = new Float64Array(classes);
    this.#seen = new Float64Array(classes);
  }

  add({ label, predicted, probabilities }: SamplePrediction): void {
    this.#seen[label]!++;
    if (predicted === NO_CLASS) {
      this.#lossSum = Number.NaN;
      return;
    }
    this.#lossSum -= Math.log(Math.max(probabilities[label]!, SMALLEST_PROBABILITY));
    if (predicted === label) this.#right[label]!++;
    if (rankOf(label, probabilities) < 3) this.#top3++;
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

/** Number of classes that come before a class when they are sorted by probability, equal ones in their order. */
export function rankOf(label: number, probabilities: Float32Array): number {
  const own = probabilities[label]!;
  let better = 0;
  for (let other = 0; other < probabilities.length; other++)
    if (probabilities[other]! > own || (probabilities[other] === own && other < label)) better++;
  return better;
}
