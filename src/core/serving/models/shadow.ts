import type { AnsweredImage } from './answered-image.js';
import type { ServedModel } from './served-model.js';

/** A shadow that falls behind skips images instead of collecting them. */
const MOST_WAITING = 64;
const PATIENCE_MS = 10_000;

/** A model that sees what the stable one sees, without a part in any answer, and is compared with it. */
export class Shadow {
  readonly model: ServedModel;
  #compared = 0;
  #disagreed = 0;
  #failed = 0;
  #skipped = 0;

  constructor(model: ServedModel) {
    this.model = model;
  }

  /** Lets it see an image that the stable model computed. */
  see({ pixels, probabilities, model: { bundle } }: AnsweredImage): void {
    if (this.model.pool.queueLength >= MOST_WAITING) {
      this.#skipped++;
      return;
    }
    const urgency = { priority: 'low', deadline: performance.now() + PATIENCE_MS } as const;
    this.model
      .use(({ pool }) => pool.predict(pixels, urgency))
      .then(
        ({ probabilities: own }) => {
          this.#compared++;
          const label = this.model.bundle.classes[largest(own)];
          if (label !== bundle.classes[largest(probabilities)]) this.#disagreed++;
        },
        () => {
          this.#failed++;
        },
      );
  }

  toJSON() {
    const [compared, disagreed] = [this.#compared, this.#disagreed];
    return {
      ...this.model.toJSON(),
      compared,
      disagreed,
      disagreement: compared > 0 ? disagreed / compared : null,
      failed: this.#failed,
      skipped: this.#skipped,
    };
  }
}

function largest(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
}
