import { createHash } from 'node:crypto';
import { problemOf } from '../request/problem.js';
import type { AnsweredImage } from './answered-image.js';
import type { ServedModel } from './served-model.js';

/** This many answers must have failed before a canary is judged. */
const LEAST_FAILURES = 3;
/** A canary may fail this share more of its requests than the stable model does. */
const TOLERATED_SHARE = 0.02;

interface Tally {
  answered: number;
  failed: number;
}

/** A new version on trial: it answers a share of the requests, always those of the same clients. */
export class Canary {
  readonly model: ServedModel;
  readonly percent: number;
  readonly #own: Tally = { answered: 0, failed: 0 };
  readonly #stable: Tally = { answered: 0, failed: 0 };

  constructor(model: ServedModel, percent: number) {
    this.model = model;
    this.percent = percent;
  }

  /** Whether it answers the client with this key. One that is chosen at 10 percent is also chosen at 20. */
  takes(stickyKey: string): boolean {
    const { name } = this.model.label;
    const hash = createHash('sha256').update(`${name}:${stickyKey}`).digest();
    return (hash.readUInt32BE(0) / 2 ** 32) * 100 < this.percent;
  }

  count(of: 'canary' | 'stable', failed: boolean): void {
    const tally = of === 'canary' ? this.#own : this.#stable;
    if (failed) tally.failed++;
    else tally.answered++;
  }

  /** Whether it fails clearly more often than the stable model. */
  get isWorse(): boolean {
    return (
      this.#own.failed >= LEAST_FAILURES &&
      shareFailed(this.#own) > shareFailed(this.#stable) + TOLERATED_SHARE
    );
  }

  toJSON() {
    return { ...this.model.toJSON(), percent: this.percent, since: this.#own, stableSince: this.#stable };
  }
}

/** Whether the model is what failed, and not the request or the time that it left. */
export function isFaultOfModel(error: unknown): boolean {
  const { status, code } = problemOf(error);
  return status >= 500 && code !== 'ROBLE_DEADLINE_EXCEEDED';
}

function shareFailed({ answered, failed }: Tally): number {
  return failed / Math.max(1, answered + failed);
}

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
    const lease = this.model.lease();
    this.model.pool
      .predict(pixels, urgency)
      .then(
        ({ probabilities: own }) => {
          this.#compared++;
          const label = this.model.bundle.classes[largest(own)];
          if (label !== bundle.classes[largest(probabilities)]) this.#disagreed++;
        },
        () => {
          this.#failed++;
        },
      )
      .finally(() => lease.release());
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
