import { NO_CLASS, type PredictionConsumer, type SamplePrediction } from './sample-prediction.js';

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
