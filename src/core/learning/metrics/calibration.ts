import type { EvaluationReport } from '../history/record.js';
import { NO_CLASS, type PredictionConsumer, type SamplePrediction } from './sample-prediction.js';

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
