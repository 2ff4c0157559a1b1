import type { EvaluationReport } from '../history/record.js';
import type { PredictionConsumer, SamplePrediction } from './sample-prediction.js';

/** Which classes are taken for which. */
export class ConfusionMatrix implements PredictionConsumer {
  /** Rows: the true class; columns: the predicted one. */
  readonly counts: readonly number[][];

  constructor(classes: number) {
    this.counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  add({ label, predicted }: SamplePrediction): void {
    this.counts[label]![predicted]!++;
  }

  /**
   * Precision, recall and F1 (their harmonic mean) of each class. Null is what has nothing to be computed from: the
   * precision of a class that is never predicted, the recall of one without samples, and the F1 of one with neither.
   */
  perClass(labels: readonly string[]): EvaluationReport['perClass'] {
    return labels.map((label, c) => {
      const support = sum(this.counts[c]!);
      const predictions = sum(this.counts.map((row) => row[c]!));
      const right = this.counts[c]![c]!;
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
    const right = this.counts.map((row, label) =>
      sum(row.filter((_, predicted) => groups[label] === groups[predicted])),
    );
    return sum(right) / sum(this.counts.flat());
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
