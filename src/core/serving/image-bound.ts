import { RobleError } from '../errors.js';

/** Bounds what is in hand at the same time; what comes on top is refused at once. */
export class ImageBound {
  readonly limit: number;
  #inHand = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get inHand(): number {
    return this.#inHand;
  }

  /** @throws {RobleError} `ROBLE_SERVER_BUSY` when there is no room for all of them */
  take(count: number): void {
    if (this.#inHand + count > this.limit)
      throw busy(`${count} more than the ${this.#inHand} in hand`, `at most ${this.limit} in all`);
    this.#inHand += count;
  }

  release(count: number): void {
    this.#inHand -= count;
  }
}

export function busy(received: string, expected: string): RobleError {
  return new RobleError('ROBLE_SERVER_BUSY', 'Too many images are waiting.', {
    received,
    expected,
    nextSteps: ['Try again in a moment.'],
  });
}
