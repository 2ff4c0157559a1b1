/** Time constant of the mean: what was so long ago counts for a third of what is now. */
const MEMORY_MS = 1000;

/**
 * How many images a model answers in a time while it has any: an exponentially weighted mean. By Little's law so many in
 * hand wait as long as so many take to leave (J. D. C. Little, "A Proof for the Queuing Formula L = λW", 1961).
 */
export class ServiceRate {
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
