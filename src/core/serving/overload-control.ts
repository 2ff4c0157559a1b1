import { ServiceRate } from './service-rate.js';
import type { Priority } from './urgency.js';

/** A wait, and a share of the images in hand, that say, when they last, that more comes than can be answered. */
const CROWDED_MS = 500;
const CROWDED_SHARE = 0.75;
/** A backlog that is gone by then is none: a worker that died is back, a wave of requests is answered. */
const CROWDED_FOR_MS = 1000;
/** Wait that an overloaded model lets its requests have: enough to keep the workers busy, and no more. */
const SHORTEST_MS = 50;
/** Time constant with which the wait that is let in comes back to the shortest. */
const SHORTEN_MS = 2000;
/** So many are always let in: a model that takes long for one, and requests of many images, cannot keep to a wait. */
const MIN_IMAGES = 32;
const MIN_REQUESTS = 8;
/** What those have of the room who go first, and who go last. */
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
 * Delay", 2012): then requests are let in only as long as they will wait a short while. Time in which there is nothing to
 * do adds to that while, until all are let in again.
 */
export class OverloadControl {
  readonly #now: () => number;
  readonly #isPaused: () => boolean;
  readonly #crowdedImages: number;
  readonly #rate: ServiceRate;
  #images = 0;
  #requests = 0;
  #seenAt: number;
  /** Since when it has been crowded. */
  #crowdedAt = Number.POSITIVE_INFINITY;
  /** Wait that is let in; Infinity: not overloaded. */
  #allowedMs = Number.POSITIVE_INFINITY;

  constructor({ maxImages, isPaused = () => false, now = () => performance.now() }: OverloadOptions) {
    this.#now = now;
    this.#isPaused = isPaused;
    this.#crowdedImages = CROWDED_SHARE * maxImages;
    this.#seenAt = now();
    this.#rate = new ServiceRate();
  }

  /** How long, as it looks, an image has to wait that comes now, in milliseconds. */
  get waitMs(): number {
    this.#catchUp();
    return this.#rate.timeForMs(this.#images);
  }

  get isOverloaded(): boolean {
    this.#catchUp();
    return this.#allowedMs < Number.POSITIVE_INFINITY;
  }

  /** Whether a request that comes now need not wait for too long; no room otherwise. */
  admits(priority: Priority = 'normal'): boolean {
    if (!this.isOverloaded || this.#requests < MIN_REQUESTS) return true;
    return this.#images < Math.max(MIN_IMAGES, SHARE[priority] * this.#rate.imagesIn(this.#allowedMs));
  }

  /** A request of so many images was let in. */
  begin(images: number): void {
    this.#catchUp();
    this.#requests++;
    this.#images += images;
    this.#catchUp();
  }

  /** Some of its images are answered, or will not be. @param computed whether the model was what they waited for */
  release(images: number, computed: boolean): void {
    this.#catchUp();
    if (computed) this.#rate.leave(images);
    this.#images -= images;
  }

  /** A request is answered whose images were all released. */
  end(): void {
    this.#requests--;
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
    if (this.#isCrowded(1)) this.#crowdedAt = Math.min(this.#crowdedAt, now);
    // Workers that end their batches together make a gap in what stays crowded.
    else if (!this.#isCrowded(0.5)) this.#crowdedAt = Number.POSITIVE_INFINITY;
    this.#allowedMs = this.#allowedAfter(elapsed, now);
  }

  #allowedAfter(elapsed: number, now: number): number {
    const allowed = this.#allowedMs;
    if (allowed === Number.POSITIVE_INFINITY)
      return now - this.#crowdedAt >= CROWDED_FOR_MS ? SHORTEST_MS : allowed;
    if (this.#images > 0) return SHORTEST_MS + (allowed - SHORTEST_MS) * Math.exp(-elapsed / SHORTEN_MS);
    return allowed + elapsed > CROWDED_MS ? Number.POSITIVE_INFINITY : allowed + elapsed;
  }

  /** @param share of what counts as crowded */
  #isCrowded(share: number): boolean {
    if (this.#requests <= MIN_REQUESTS || this.#images <= MIN_IMAGES) return false;
    const waitMs = this.#rate.timeForMs(this.#images);
    return waitMs > share * CROWDED_MS || this.#images > share * this.#crowdedImages;
  }
}
