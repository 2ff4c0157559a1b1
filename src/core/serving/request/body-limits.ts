import { RobleError } from '../../base/errors.js';

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

/** How large a body may be, and the key that says so, where one does. */
export interface BodyLimit {
  readonly maxBytes: number;
  readonly key?: string | undefined;
}

/** Names the limit, so that a client knows how much it may send, and its operator what to raise. */
export function bodyTooLarge(received: string, { maxBytes, key }: BodyLimit): RobleError {
  const than = key === undefined ? 'it may be' : `${key} allows`;
  return new RobleError('ROBLE_REQUEST_TOO_LARGE', `The body of the request is larger than ${than}.`, {
    received,
    expected: `at most ${maxBytes} bytes`,
  });
}
