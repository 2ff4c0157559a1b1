import { contactSheet } from '../../image/contact-sheet.js';
import type { Preprocessing } from '../../image/settings.js';
import { NO_CLASS, type PredictionConsumer, type SamplePrediction } from './metrics.js';

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

const COLUMNS = 6;
/** Pictures are enlarged to about this many pixels on a side. */
const SIDE = 84;

/**
 * The pictures of mistakes as a PNG, six in a row, in the order of their list.
 *
 * @param pictures uint8, [height, width, channels] each, one at least
 */
export function mistakeSheet(
  pictures: readonly Uint8Array[],
  shape: Pick<Preprocessing, 'width' | 'height' | 'channels'>,
): Promise<Buffer> {
  const columns = Math.min(COLUMNS, pictures.length);
  const zoom = Math.max(Math.round(SIDE / Math.max(shape.width, shape.height)), 1);
  return contactSheet(pictures, shape, { columns, zoom });
}
