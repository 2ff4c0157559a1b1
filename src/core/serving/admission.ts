import { RobleError } from '../errors.js';
import { ServiceRate } from './service-rate.js';
import type { Priority } from './urgency.js';

/** A wait, and a share of the limit, that say of a server, when they last, that more comes than it can answer. */
const CROWDED_MS = 500;
const CROWDED_SHARE = 0.75;
/** A backlog that is gone by then is none: a worker that died is back, a wave of requests is answered. */
const CROWDED_FOR_MS = 1000;
/** Wait that an overloaded server lets its requests have: enough to keep the workers busy, and no more. */
const OVERLOADED_WAIT_MS = 50;
/** An overloaded server that refused nobody for so long is not overloaded any more. */
const RELIEVED_MS = 1000;
/** So many images are always let in: a model that takes long for one cannot keep to a wait. */
const MIN_ROOM = 32;
/** What those have of the room of an overloaded server who go first, and who go last. */
const SHARE: Readonly<Record<Priority, number>> = { high: 2, normal: 1, low: 0.5 };

export interface AdmissionOptions {
  /** Images. */
  readonly limit: number;
  /** Whether nothing can be answered for a while, which says nothing about what comes. */
  readonly isPaused?: () => boolean;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * Bounds the images that a server has in hand, from the decoder to the answer; what comes on top is refused at once.
 *
 * Up to the limit all are let in, so that a wave, or a pause while a worker comes back, costs nobody an answer. A queue
 * that does not go away by itself only makes all answers late and lets no more of them out: then the server is overloaded,
 * and lets in what it can answer in a short while (as CoDel does with packets: K. Nichols and V. Jacobson,
 * "Controlling Queue Delay", 2012).
 */
export class Admission {
  readonly limit: number;
  readonly #now: () => number;
  readonly #isPaused: () => boolean;
  readonly #rate: ServiceRate;
  #inHand = 0;
  /** Since when the wait has been long. */
  #crowdedAt = Number.POSITIVE_INFINITY;
  /** When somebody was refused last because the server is overloaded. */
  #refusedAt = Number.NEGATIVE_INFINITY;

  constructor({ limit, isPaused = () => false, now = () => performance.now() }: AdmissionOptions) {
    this.limit = limit;
    this.#isPaused = isPaused;
    this.#now = now;
    this.#rate = new ServiceRate(now());
  }

  get inHand(): number {
    return this.#inHand;
  }

  /** How long, as it looks, an image has to wait that comes now, in milliseconds. */
  get waitMs(): number {
    return this.#rate.timeForMs(this.#inHand);
  }

  /** Whether more comes than can be answered, so that requests are refused before the limit is reached. */
  get isOverloaded(): boolean {
    const now = this.#now();
    return now - this.#crowdedAt >= CROWDED_FOR_MS || now - this.#refusedAt < RELIEVED_MS;
  }

  /**
   * Refuses a request that would wait too long, whatever it holds: for before its body is read.
   *
   * @throws {RobleError} `ROBLE_SERVER_BUSY`
   */
  check(priority: Priority = 'normal'): void {
    const room = this.#roomFor(priority);
    if (this.#inHand < room) return;
    if (this.isOverloaded) this.#refusedAt = this.#now();
    throw busy(`${this.#inHand} images are in hand`, `fewer than ${room}`);
  }

  /**
   * Does the work on so many images if there is room for all of them.
   *
   * @throws {RobleError} `ROBLE_SERVER_BUSY`
   */
  async run<T>(count: number, work: () => Promise<T>): Promise<T> {
    if (this.#inHand + count > this.limit)
      throw busy(`${count} more than the ${this.#inHand} in hand`, `at most ${this.limit} in all`);
    this.#change(count);
    try {
      return await work();
    } finally {
      this.#change(-count);
    }
  }

  /** Images that may be in hand before another request is let in, or there is no room for it. */
  #roomFor(priority: Priority): number {
    if (!this.isOverloaded) return this.limit;
    const room = SHARE[priority] * this.#rate.imagesIn(OVERLOADED_WAIT_MS);
    return Math.min(this.limit, Math.max(MIN_ROOM, Math.round(room)));
  }

  #change(count: number): void {
    const now = this.#now();
    const isPaused = this.#isPaused();
    this.#rate.spend(now, this.#inHand > 0 && !isPaused);
    if (count < 0) this.#rate.leave(-count);
    this.#inHand += count;
    if (isPaused || !this.#isCrowded()) this.#crowdedAt = Number.POSITIVE_INFINITY;
    else if (this.#crowdedAt > now) this.#crowdedAt = now;
  }

  #isCrowded(): boolean {
    return this.#inHand > MIN_ROOM && (this.waitMs > CROWDED_MS || this.#inHand > CROWDED_SHARE * this.limit);
  }
}

function busy(received: string, expected: string): RobleError {
  return new RobleError('ROBLE_SERVER_BUSY', 'Too many images are waiting.', {
    received,
    expected,
    nextSteps: ['Try again in a moment.'],
  });
}
