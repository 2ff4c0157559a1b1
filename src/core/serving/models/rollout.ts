import { createHash } from 'node:crypto';
import { problemOf } from '../request/problem.js';
import type { ServedModel } from './served-model.js';

/** So many answers must have failed before a canary is judged. */
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

  /** Whether it answers who has this key. Who is chosen at 10 percent is also chosen at 20. */
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
