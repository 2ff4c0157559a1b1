/** Counts the newest values by their bins; the oldest ones are forgotten a slice at a time. */
export class SlidingHistogram {
  readonly #slices: Uint32Array[];
  readonly #sliceSize: number;
  readonly #counts: Uint32Array;
  #slice = 0;
  #inSlice = 0;
  #count = 0;

  /** Keeps between `(slices - 1) * sliceSize` and `slices * sliceSize` values once it is full. */
  constructor(bins: number, slices: number, sliceSize: number) {
    this.#slices = Array.from({ length: slices }, () => new Uint32Array(bins));
    this.#sliceSize = sliceSize;
    this.#counts = new Uint32Array(bins);
  }

  /** Values that are counted. */
  get count(): number {
    return this.#count;
  }

  /** Of the values in each bin. */
  get shares(): number[] {
    return Array.from(this.#counts, (count) => count / this.#count);
  }

  add(bin: number): void {
    if (this.#inSlice === this.#sliceSize) this.#nextSlice();
    this.#slices[this.#slice]![bin]! += 1;
    this.#counts[bin]! += 1;
    this.#inSlice++;
    this.#count++;
  }

  #nextSlice(): void {
    this.#slice = (this.#slice + 1) % this.#slices.length;
    this.#inSlice = 0;
    const oldest = this.#slices[this.#slice]!;
    for (const [bin, count] of oldest.entries()) {
      this.#counts[bin]! -= count;
      this.#count -= count;
    }
    oldest.fill(0);
  }
}
