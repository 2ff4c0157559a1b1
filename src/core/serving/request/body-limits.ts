/** Lets so many pieces of work run at a time; the others wait in the order in which they came. */
export class TakeTurns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      // Whoever is next gets the place itself, so that nobody who comes meanwhile goes before.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
