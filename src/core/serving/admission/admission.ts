import { RobleError } from '../../base/errors.js';
import type { ModelManager } from '../models/model-manager.js';
import type { ServedModels } from '../models/served-models.js';
import type { Priority } from '../request/urgency.js';
import { OverloadControl } from './overload-control.js';

/** What a request does that was let in. */
export interface Admitted {
  /** Lets the model compute an image. */
  compute<T>(image: () => Promise<T>): Promise<T>;
  /** The places of the request are taken until that has ended, also when the request has not waited for it. */
  hold(image: Promise<unknown>): void;
}

/**
 * Lets requests in, or refuses them at once: the images that a server has in hand are bounded, from the decoder to the
 * answer, and each model has its own overload control.
 */
export class Admission {
  readonly #models: ServedModels;
  readonly #places: Places;
  readonly #controls = new WeakMap<ModelManager, OverloadControl>();

  /** @param limit images */
  constructor(models: ServedModels, limit: number) {
    this.#models = models;
    this.#places = new Places(limit);
  }

  get limit(): number {
    return this.#places.limit;
  }

  get inHand(): number {
    return this.#places.taken;
  }

  /** The longest wait of an image that comes now, as it looks, over all models; in milliseconds. */
  get waitMs(): number {
    return Math.max(...this.#all().map(({ waitMs }) => waitMs));
  }

  /** Whether a model is asked more than it can answer, so that requests are refused before the limit is reached. */
  get isOverloaded(): boolean {
    return this.#all().some(({ isOverloaded }) => isOverloaded);
  }

  /**
   * Refuses a request that would wait too long, whatever it holds: for before its body is read.
   *
   * @param model its name; by default that of the server
   * @throws {RobleError} `ROBLE_SERVER_BUSY`, `ROBLE_MODEL_UNKNOWN`
   */
  check(model: string | undefined, priority: Priority | undefined): void {
    this.#admitting(model, priority);
  }

  /**
   * Does the work on so many images if there is room for all of them.
   *
   * @throws {RobleError} `ROBLE_SERVER_BUSY`, `ROBLE_MODEL_UNKNOWN`; what the work throws
   */
  async run<T>(
    { model, priority, count }: { model: string | undefined; priority: Priority | undefined; count: number },
    work: (admitted: Admitted) => Promise<T>,
  ): Promise<T> {
    // While the body was read, others came.
    const control = this.#admitting(model, priority);
    this.#places.take(count);
    const held: Promise<unknown>[] = [];
    const admitted: Admitted = {
      compute: (image) => control.image(image),
      hold: (image) => held.push(image),
    };
    try {
      return await control.request(() => work(admitted));
    } finally {
      void Promise.allSettled(held).then(() => this.#places.release(count));
    }
  }

  /** The control of a model that lets such a request in. */
  #admitting(model: string | undefined, priority: Priority | undefined): OverloadControl {
    const control = this.#controlOf(this.#models.find(model));
    if (control.admits(priority) && this.inHand < this.limit) return control;
    throw busy(`${this.inHand} images are in hand`, 'fewer, and the more so as the server is overloaded');
  }

  #all(): OverloadControl[] {
    return [...this.#models.managers.values()].map((manager) => this.#controlOf(manager));
  }

  #controlOf(manager: ModelManager): OverloadControl {
    const known = this.#controls.get(manager);
    if (known) return known;
    const isPaused = () => manager.current.pool.readyWorkers === 0;
    const control = new OverloadControl({ maxImages: this.limit, isPaused });
    this.#controls.set(manager, control);
    return control;
  }
}

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

function busy(received: string, expected: string): RobleError {
  return new RobleError('ROBLE_SERVER_BUSY', 'Too many images are waiting.', {
    received,
    expected,
    nextSteps: ['Try again in a moment.'],
  });
}
