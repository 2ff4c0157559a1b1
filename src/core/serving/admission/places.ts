import { RobleError } from '../../base/errors.js';

/** Bounds what a server has in hand at the same time; what comes on top is refused at once. */
export class Places {
  readonly limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /** @throws {RobleError} `ROBLE_SERVER_BUSY` when there are not so many left */
  take(count: number): void {
    if (this.#taken + count > this.limit)
      throw busy(`${count} more than the ${this.#taken} in hand`, `at most ${this.limit} in all`);
    this.#taken += count;
  }

  release(count: number): void {
    this.#taken -= count;
  }
}

export function busy(received: string, expected: string): RobleError {
  return new RobleError('ROBLE_SERVER_BUSY', 'Too many images are waiting.', {
    received,
    expected,
    nextSteps: ['Try again in a moment.'],
  });
}
