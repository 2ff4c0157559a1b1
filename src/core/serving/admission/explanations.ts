import { RobleError } from '../../base/errors.js';
import { type Urgency, whileWanted } from '../request/urgency.js';
import { ConcurrencyLimit } from './admission.js';

/** Explanations that wait for their turn or have it, at most. */
const MAX_WAITING = 8;

/**
 * The explanations of a server. Each costs as much as a hundred answers: one is made at a time, so that however many are
 * asked for, predictions have the server almost to themselves.
 */
export class Explanations {
  readonly #limit = new ConcurrencyLimit(MAX_WAITING);
  #last: Promise<unknown> = Promise.resolve();
  #made = 0;
  #images = 0;

  /**
   * Makes one when those before it are done.
   *
   * @param make gives the explanation and how many images the model computed for it
   * @throws {RobleError} `ROBLE_SERVER_BUSY` when too many wait; `ROBLE_DEADLINE_EXCEEDED`, `ROBLE_REQUEST_ABANDONED`
   */
  async inTurn<T extends { readonly images: number }>(urgency: Urgency, make: () => Promise<T>): Promise<T> {
    this.#limit.take(1);
    const before = this.#last;
    let end = () => {};
    this.#last = new Promise<void>((resolve) => {
      end = resolve;
    });
    try {
      await whileWanted(before, urgency);
      const made = await make();
      this.#made++;
      this.#images += made.images;
      return made;
    } finally {
      this.#limit.release(1);
      // Whoever gave up its turn leaves the next one behind those before it.
      void before.then(end);
    }
  }

  toJSON() {
    return { made: this.#made, images: this.#images, inHand: this.#limit.taken };
  }
}

/** @throws {RobleError} `ROBLE_EXPLAIN_OFF` */
export function explanationsOf({
  explanations,
}: {
  readonly explanations: Explanations | undefined;
}): Explanations {
  if (explanations) return explanations;
  throw new RobleError('ROBLE_EXPLAIN_OFF', 'This server does not explain its answers.', {
    nextSteps: ['Start it with serve.explain: true.'],
  });
}
