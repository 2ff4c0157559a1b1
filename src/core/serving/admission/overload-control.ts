import type { Priority } from '../request/urgency.js';

/** A model is crowded when images wait longer than this, or when it has this share of the images that may be in flight. */
const CROWDED_MS = 500;
const CROWDED_SHARE = 0.75;
/** It is overloaded when it stays crowded for this long: by then a worker that died is back, and a burst is answered. */
const CROWDED_FOR_MS = 1000;
/** A shorter gap does not end a crowd: workers that finish their batches together leave one. */
const GAP_MS = 250;
/** How long the requests that an overloaded model lets in may wait: just enough to keep the workers busy. */
const SHORTEST_MS = 50;
/** Time constant with which the allowed wait returns to the shortest. */
const SHORTEN_MS = 2000;
/** A wait that counts as none. */
const NO_WAIT_MS = 10;
/** The longest wait that is reported: nothing tells how long a model that stands still will go on doing so. */
const LONGEST_MS = 60_000;
/** Always let in: slow models, and requests of many images, cannot keep to so short a wait. */
const MIN_IMAGES = 32;
const MIN_REQUESTS = 8;
/** How much of all these bounds a request of each priority may use. */
const SHARE: Readonly<Record<Priority, number>> = { high: 2, normal: 1, low: 0.5 };

export interface OverloadOptions {
  /** Images that may be in flight at most, however short the wait. */
  readonly maxImages: number;
  /** Whether nothing can be answered for a while; such a time says nothing about the load. */
  readonly isPaused?: () => boolean;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * Detects that a model is asked for more than it can answer, and decides which requests to let in then.
 *
 * A burst, or a pause while a worker restarts, makes a queue that drains by itself, and should cost nobody an answer. A queue
 * that stays makes all answers late without making them more (K. Nichols and V. Jacobson, "Controlling Queue Delay", 2012):
 * then requests are let in only while the wait is short. Time in which almost nothing waits lengthens the allowed wait, until
 * all requests are let in again.
 *
 * It counts the requests in flight, and the images that the model has to compute: an answer from a cache is no work for it.
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
  /** How long requests that are let in may have to wait; Infinity: not overloaded. */
  #allowedMs = Number.POSITIVE_INFINITY;

  constructor({ maxImages, isPaused = () => false, now = () => performance.now() }: OverloadOptions) {
    this.#now = now;
    this.#isPaused = isPaused;
    this.#crowdedImages = CROWDED_SHARE * maxImages;
    this.#seenAt = now();
  }

  /** How long an image that comes now will probably wait, in milliseconds up to a minute. */
  get waitMs(): number {
    this.#catchUp();
    return Math.min(LONGEST_MS, this.#rate.timeForMs(this.#images));
  }

  get isOverloaded(): boolean {
    this.#catchUp();
    return this.#allowedMs < Number.POSITIVE_INFINITY;
  }

  /** Whether to let in a request that comes now. */
  admits(priority: Priority = 'normal'): boolean {
    if (!this.isOverloaded) return true;
    const share = SHARE[priority];
    const images = Math.max(MIN_IMAGES, this.#rate.imagesIn(this.#allowedMs));
    return this.#requests < share * MIN_REQUESTS || this.#images < share * images;
  }

  requestEnters(): void {
    this.#requests++;
  }

  requestLeaves(): void {
    this.#requests--;
  }

  /** Counts an image that the model has to compute. */
  imageEnters(): void {
    this.#catchUp();
    this.#images++;
    // This image may be the one that makes a crowd.
    this.#catchUp();
  }

  /** @param isComputed false for an image that was dropped or failed, which says nothing about how fast the model is */
  imageLeaves(isComputed: boolean): void {
    this.#catchUp();
    if (isComputed) this.#rate.countAnswer();
    this.#images--;
  }

  /** Accounts for the time that has passed. */
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

/** Time constant of the mean: what happened this long ago counts for a third of what happens now. */
const MEMORY_MS = 1000;

/**
 * How fast a model answers images while it has any: an exponentially weighted mean. By Little's law, images wait as long as
 * it takes to answer those that are there (J. D. C. Little, "A Proof for the Queuing Formula L = λW", 1961).
 */
class ServiceRate {
  #images = 0;
  #busyMs = 0;

  /** Adds time in which there was something to compute. */
  spend(elapsedMs: number): void {
    const kept = Math.exp(-elapsedMs / MEMORY_MS);
    this.#images *= kept;
    this.#busyMs = this.#busyMs * kept + MEMORY_MS * (1 - kept);
  }

  countAnswer(): void {
    this.#images++;
  }

  /** Milliseconds in which this many images are answered; 0 before the first answer. */
  timeForMs(images: number): number {
    return this.#images > 0 ? (images * this.#busyMs) / this.#images : 0;
  }

  /** Images that are answered in this time; none before the first answer. */
  imagesIn(milliseconds: number): number {
    return this.#busyMs > 0 ? (milliseconds * this.#images) / this.#busyMs : 0;
  }
}
