/** Values that differ by less are one shade to an eye. */
const FLAT = 8;

/** Finds out whether all pictures of a data set are of one shade, as numbers of another scale make them. */
export class FlatPictures {
  #least = 255;
  #most = 0;

  see(pixels: Uint8Array): void {
    if (this.#most - this.#least >= FLAT) return;
    for (const value of pixels) {
      if (value < this.#least) this.#least = value;
      if (value > this.#most) this.#most = value;
    }
  }

  /** What to say where a model could see nothing in any picture. */
  get warnings(): string[] {
    if (this.#most - this.#least >= FLAT) return [];
    return [
      `all values of all pictures are from ${this.#least} to ${this.#most} of 255, so that a model sees next to nothing; bring pictures of the scale 0..1, or of fewer bits than they are stored in, to the full range before, all by the same factor`,
    ];
  }
}
