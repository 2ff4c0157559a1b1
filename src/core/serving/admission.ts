import { RobleError } from '../errors.js';

/** Bounds the images that a server has in hand, from the decoder to the answer; what comes on top is refused at once. */
export class Admission {
  readonly limit: number;
  #inHand = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get inHand(): number {
    return this.#inHand;
  }

  /**
   * Does the work on so many images if there is room for all of them.
   *
   * @throws {RobleError} `ROBLE_SERVER_BUSY`.
   */
  async run<T>(count: number, work: () => Promise<T>): Promise<T> {
    if (this.#inHand + count > this.limit)
      throw new RobleError('ROBLE_SERVER_BUSY', 'Too many images are waiting.', {
        received: `${count} more than the ${this.#inHand} in hand`,
        expected: `at most ${this.limit} in all`,
        nextSteps: ['Try again in a moment.'],
      });
    this.#inHand += count;
    try {
      return await work();
    } finally {
      this.#inHand -= count;
    }
  }
}
