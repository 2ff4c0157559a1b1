import type { EvaluationReport } from '../history/record.js';
import { NO_CLASS, type PredictionConsumer, type SamplePrediction } from './sample-prediction.js';

/**
 * Which classes are taken for which. Only pairs that occur are kept, of which there are no more than samples: the whole
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
