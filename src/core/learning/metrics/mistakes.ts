import { NO_CLASS, type PredictionConsumer, type SamplePrediction } from './sample-prediction.js';

/** Mistakes that people are shown. */
export const SHOWN_MISTAKES = 24;

export interface Mistake {
  /** In the split. */
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  /** Of the predicted class. */
  readonly probability: number;
}

/** Keeps the predictions that were most certain and wrong; of equally certain ones those that came first. */
export class ConfidentMistakes implements PredictionConsumer {
  readonly #keep: number;
  readonly #mistakes: Mistake[] = [];

  constructor(keep: number) {
    this.#keep = keep;
  }

  add({ index, label, predicted, probabilities }: SamplePrediction): void {
    if (predicted === label || predicted === NO_CLASS) return;
    const probability = probabilities[predicted]!;
    const place = this.#mistakes.findIndex((kept) => kept.probability < probability);
    if (place === -1 && this.#mistakes.length === this.#keep) return;
    this.#mistakes.splice(place === -1 ? this.#mistakes.length : place, 0, {
      index,
      label,
      predicted,
      probability,
    });
    if (this.#mistakes.length > this.#keep) this.#mistakes.pop();
  }

  /** The most certain first. */
  get mistakes(): readonly Mistake[] {
    return this.#mistakes;
  }
}
