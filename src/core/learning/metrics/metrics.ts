import type { EvaluationReport } from '../history/record.js';

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
function rankOf(label: number, probabilities: Float32Array): number {
  const own = probabilities[label]!;
  let better = 0;
  for (let other = 0; other < probabilities.length; other++)
    if (probabilities[other]! > own || (probabilities[other] === own && other < label)) better++;
  return better;
}

/** What is predicted where the probabilities are not all finite numbers: it is always wrong. */
export const NO_CLASS = -1;

/** What the model says of one sample. */
export interface SamplePrediction {
  /** In the split. */
  readonly index: number;
  readonly label: number;
  /** The most probable class; of equal ones the first. {@link NO_CLASS} where not all probabilities are numbers. */
  readonly predicted: number;
  /** float32, [classes]; only valid while it is looked at. */
  readonly probabilities: Float32Array;
}

/** Looks at predictions, one after the other, so that none has to be kept. */
export interface PredictionConsumer {
  add(prediction: SamplePrediction): void;
}

/** The place of the largest probability; of equal ones the first. {@link NO_CLASS} where not all are finite numbers. */
export function mostProbable(probabilities: Float32Array): number {
  let best = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (!Number.isFinite(probabilities[i])) return NO_CLASS;
    if (probabilities[i]! > probabilities[best]!) best = i;
  }
  return best;
}

/**
 * The score of Brier (1950), of all classes: the mean over the samples of the squared distance between the probabilities
 * and the truth, 1 for the right class and 0 for the others. 0 is best, 2 is certain and always wrong.
 */
export class BrierScore implements PredictionConsumer {
  #sum = 0;
  #count = 0;

  add({ label, predicted, probabilities }: SamplePrediction): void {
    this.#count++;
    this.#sum += predicted === NO_CLASS ? Number.NaN : 1;
    for (const probability of probabilities) this.#sum += probability * probability;
    this.#sum -= 2 * probabilities[label]!;
  }

  /** NaN of no sample, and where a probability is not a finite number. */
  score(): number {
    return this.#sum / this.#count;
  }
}

const BINS = 15;

/**
 * How far the probability of a prediction is from the share of such predictions that are right: the expected
 * calibration error of Naeini et al. 2015, in the form of Guo et al. 2017, over bins ((m - 1) / 15, m / 15].
 */
export class Calibration implements PredictionConsumer {
  readonly #count = new Float64Array(BINS);
  readonly #confidence = new Float64Array(BINS);
  readonly #right = new Float64Array(BINS);

  add({ label, predicted, probabilities }: SamplePrediction): void {
    // What is no number is no confidence.
    if (predicted === NO_CLASS) return;
    const confidence = probabilities[predicted]!;
    // Rounding may bring a probability just above 1.
    const bin = Math.min(Math.max(Math.ceil(confidence * BINS) - 1, 0), BINS - 1);
    this.#count[bin]!++;
    this.#confidence[bin]! += confidence;
    if (predicted === label) this.#right[bin]!++;
  }

  /** The mean confidence and the accuracy of each bin; both are 0 in an empty one. */
  bins(): EvaluationReport['calibration'] {
    return Array.from(this.#count, (count, bin) => ({
      count,
      confidence: this.#confidence[bin]! / Math.max(count, 1),
      accuracy: this.#right[bin]! / Math.max(count, 1),
    }));
  }

  /** The gap between confidence and accuracy, averaged over the predictions. */
  expectedError(): number {
    let [gaps, total] = [0, 0];
    for (const { count, confidence, accuracy } of this.bins()) {
      gaps += count * Math.abs(confidence - accuracy);
      total += count;
    }
    return gaps / total;
  }
}

/**
 * Which classes are taken for which. Only pairs that occur are kept, no more than there are samples: the whole
 * table of thousands of classes would have millions of zeros.
 */
export class ConfusionMatrix implements PredictionConsumer {
  readonly #classes: number;
  /** By `label * classes + predicted`. */
  readonly #counts = new Map<number, number>();
  readonly #support: Float64Array;
  readonly #predictions: Float64Array;

  constructor(classes: number) {
    this.#classes = classes;
    this.#support = new Float64Array(classes);
    this.#predictions = new Float64Array(classes);
  }

  add({ label, predicted }: SamplePrediction): void {
    this.#support[label]!++;
    if (predicted === NO_CLASS) return;
    this.#predictions[predicted]!++;
    const key = label * this.#classes + predicted;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** The pairs that occur, by the true class and then by the predicted one. */
  get counts(): EvaluationReport['confusion'] {
    return [...this.#counts]
      .sort(([a], [b]) => a - b)
      .map(([key, count]) => [Math.floor(key / this.#classes), key % this.#classes, count]);
  }

  /**
   * Precision, recall and F1 (their harmonic mean) of each class. Null is what has nothing to be computed from: the
   * precision of a class that is never predicted, the recall of one without samples, and the F1 of one with neither.
   */
  perClass(labels: readonly string[]): EvaluationReport['perClass'] {
    return labels.map((label, c) => {
      const [support, predictions] = [this.#support[c]!, this.#predictions[c]!];
      const right = this.#counts.get(c * this.#classes + c) ?? 0;
      return {
        label,
        support,
        precision: ratio(right, predictions),
        recall: ratio(right, support),
        f1: ratio(2 * right, support + predictions),
      };
    });
  }

  /**
   * The accuracy when classes of one group count as one.
   *
   * @param groups of each class the number of its group
   */
  foldedAccuracy(groups: readonly number[]): number {
    const right = this.counts.filter(([label, predicted]) => groups[label] === groups[predicted]);
    return sum(right.map(([, , count]) => count)) / sum([...this.#support]);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** At which place of the answer the right class stands, and so the top-k accuracy of any k. */
export class Ranks implements PredictionConsumer {
  /** How often each place was that of the right class. */
  readonly #counts: Float64Array;
  #total = 0;

  constructor(classes: number) {
    this.#counts = new Float64Array(classes);
  }

  add({ label, predicted, probabilities }: SamplePrediction): void {
    this.#total++;
    if (predicted !== NO_CLASS) this.#counts[rankOf(label, probabilities)]!++;
  }

  /** The share whose class is among the `k` most probable; NaN of no sample. */
  topAccuracy(k: number): number {
    return this.#counts.subarray(0, k).reduce((sum, count) => sum + count, 0) / this.#total;
  }
}

type ClassResult = EvaluationReport['perClass'][number];

/** The classes by their F1, the worst first; those without a sample come last. */
export function weakestFirst(perClass: readonly ClassResult[]): ClassResult[] {
  const isKnown = ({ support }: ClassResult) => Number(support > 0);
  return [...perClass].sort((a, b) => isKnown(b) - isKnown(a) || (a.f1 ?? 0) - (b.f1 ?? 0));
}
