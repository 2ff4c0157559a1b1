import type { Priority } from '../request/urgency.js';

/** A wait, and a share of the images in hand, that say, when they last, that more comes than can be answered. */
const CROWDED_MS = 500;
const CROWDED_SHARE = 0.75;
/** A backlog that is gone by then is none: a worker that died is back, a wave of requests is answered. */
const CROWDED_FOR_MS = 1000;
/** Workers that end their batches together make a gap in what stays crowded, which is no longer than this. */
const GAP_MS = 250;
/** Wait that an overloaded model lets its requests have: enough to keep the workers busy, and no more. */
const SHORTEST_MS = 50;
/** Time constant with which the wait that is let in comes back to the shortest. */
const SHORTEN_MS = 2000;
/** A wait that counts as none. */
const NO_WAIT_MS = 10;
/** More is not told: what stands still says nothing of how long it will. */
const LONGEST_MS = 60_000;
/** So many are always let in: a model that takes long for one, and requests of many images, cannot keep to a wait. */
const MIN_IMAGES = 32;
const MIN_REQUESTS = 8;
/** What those have of all that who go first, and who go last. */
const SHARE: Readonly<Record<Priority, number>> = { high: 2, normal: 1, low: 0.5 };

export interface OverloadOptions {
  /** Images that may be in hand at most, whatever the wait. */
  readonly maxImages: number;
  /** Whether nothing can be answered for a while, which says nothing about what comes. */
  readonly isPaused?: () => boolean;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * Tells when more is asked of a model than it can answer, and how much of it to let in then.
 *
 * A wave, or a pause while a worker comes back, makes a queue that goes away by itself, and shall cost nobody an answer. One
 * that stays only makes all answers late and lets no more of them out (K. Nichols and V. Jacobson, "Controlling Queue
 * Delay", 2012): then requests are let in only as long as they will wait a short while. Time in which next to nothing waits
 * adds to that while, until all are let in again.
 *
 * It is told of the requests that the server has in hand, and of the images that the model has: an answer from a cache is
 * no work of the model.
 */
export class OverloadControl {
  readonly #now: () => number;
  readonly #isPaused: () => boolean;
  readonly #crowdedImages: number;
  readonly #rate = new ServiceRate();
  #images = 0;
  #requests = 0;
  #seenAt: number;
  /** Since when it has been crowded, and since when there has been a gap in that. */
  #crowdedAt = Number.POSITIVE_INFINITY;
  #gapAt = Number.POSITIVE_INFINITY;
  /** Wait that is let in; Infinity: not overloaded. */
  #allowedMs = Number.POSITIVE_INFINITY;

  constructor({ maxImages, isPaused = () => false, now = () => performance.now() }: OverloadOptions) {
    this.#now = now;
    this.#isPaused = isPaused;
    this.#crowdedImages = CROWDED_SHARE * maxImages;
    this.#seenAt = now();
  }

  /** How long, as it looks, an image has to wait that comes now, in milliseconds up to a minute. */
  get waitMs(): number {
    this.#catchUp();
    return Math.min(LONGEST_MS, this.#rate.timeForMs(this.#images));
  }

  get isOverloaded(): boolean {
    this.#catchUp();
    return this.#allowedMs < Number.POSITIVE_INFINITY;
  }

  /** Whether a request that comes now need not wait for too long. */
  admits(priority: Priority = 'normal'): boolean {
    if (!this.isOverloaded) return true;
    const share = SHARE[priority];
    const images = Math.max(MIN_IMAGES, this.#rate.imagesIn(this.#allowedMs));
    return this.#requests < share * MIN_REQUESTS || this.#images < share * images;
  }

  /** Does the work of a request. */
  async request<T>(work: () => Promise<T>): Promise<T> {
    this.#requests++;
    try {
      return await work();
    } finally {
      this.#requests--;
    }
  }

  /** Lets the model compute an image. */
  async image<T>(compute: () => Promise<T>): Promise<T> {
    this.#catchUp();
    this.#images++;
    // It may be the one that makes a crowd.
    this.#catchUp();
    let computed = 0;
    try {
      const answer = await compute();
      computed = 1;
      return answer;
    } finally {
      this.#catchUp();
      // What was dropped or failed says nothing of how fast the model is.
      this.#rate.leave(computed);
      this.#images--;
    }
  }

  /** What comes of the time that has passed. */
  #catchUp(): void {
    const now = this.#now();
    const elapsed = now - this.#seenAt;
    this.#seenAt = now;
    if (this.#isPaused()) {
      this.#crowdedAt = Number.POSITIVE_INFINITY;
      return;
    }
    if (this.#images > 0) this.#rate.spend(elapsed);
    this.#lookForCrowd(now);
    this.#allowedMs = this.#allowedAfter(elapsed, now);
  }

  #lookForCrowd(now: number): void {
    if (this.#isCrowded()) {
      this.#crowdedAt = Math.min(this.#crowdedAt, now);
      this.#gapAt = Number.POSITIVE_INFINITY;
      return;
    }
    this.#gapAt = Math.min(this.#gapAt, now);
    if (now - this.#gapAt >= GAP_MS) this.#crowdedAt = Number.POSITIVE_INFINITY;
  }

  #isCrowded(): boolean {
    if (this.#requests <= MIN_REQUESTS || this.#images <= MIN_IMAGES) return false;
    return this.#rate.timeForMs(this.#images) > CROWDED_MS || this.#images > this.#crowdedImages;
  }

  #allowedAfter(elapsed: number, now: number): number {
    const allowed = this.#allowedMs;
    if (allowed === Number.POSITIVE_INFINITY)
      return now - this.#crowdedAt >= CROWDED_FOR_MS ? SHORTEST_MS : allowed;
    const isIdle = this.#images < MIN_REQUESTS || this.#rate.timeForMs(this.#images) < NO_WAIT_MS;
    if (!isIdle) return SHORTEST_MS + (allowed - SHORTEST_MS) * Math.exp(-elapsed / SHORTEN_MS);
    return allowed + elapsed > CROWDED_MS ? Number.POSITIVE_INFINITY : allowed + elapsed;
  }
}

/** Time constant of the mean: what was so long ago counts for a third of what is now. */
const MEMORY_MS = 1000;

/**
 * How many images a model answers in a time while it has any: an exponentially weighted mean. By Little's law so many in
 * hand wait as long as so many take to leave (J. D. C. Little, "A Proof for the Queuing Formula L = λW", 1961).
 */
class ServiceRate {
  #images = 0;
  #busyMs = 0;

  /** Tells that so much time was spent while there was something to do. */
  spend(elapsedMs: number): void {
    const kept = Math.exp(-elapsedMs / MEMORY_MS);
    this.#images *= kept;
    this.#busyMs = this.#busyMs * kept + MEMORY_MS * (1 - kept);
  }

  /** Tells that so many images were answered. */
  leave(count: number): void {
    this.#images += count;
  }

  /** Milliseconds in which so many images leave; 0 before the first one did. */
  timeForMs(images: number): number {
    return this.#images > 0 ? (images * this.#busyMs) / this.#images : 0;
  }

  /** Images that leave in so many milliseconds; none before the first one did. */
  imagesIn(milliseconds: number): number {
    return this.#busyMs > 0 ? (milliseconds * this.#images) / this.#busyMs : 0;
  }
}
