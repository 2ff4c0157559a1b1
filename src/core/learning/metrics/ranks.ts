import { rankOf } from './metrics.js';
import { NO_CLASS, type PredictionConsumer, type SamplePrediction } from './sample-prediction.js';

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
