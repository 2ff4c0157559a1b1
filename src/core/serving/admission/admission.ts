import { RobleError } from '../../base/errors.js';
import type { ModelManager } from '../models/model-manager.js';
import type { ServedModels } from '../models/served-models.js';
import type { Priority } from '../request/urgency.js';
import { OverloadControl } from './overload-control.js';

export interface SeatRequest {
  /** Name of the model; by default that of the server. */
  readonly model: string | undefined;
  readonly priority: Priority | undefined;
  /** Images of the request. */
  readonly count: number;
}

/**
 * Lets requests in, or refuses them at once. The images in flight, from the decoder to the answer, are bounded over all
 * models, and each model has an overload control of its own.
 */
export class Admission {
  readonly #models: ServedModels;
  readonly #images: ConcurrencyLimit;
  readonly #controls = new WeakMap<ModelManager, OverloadControl>();

  /** @param limit images in flight */
  constructor(models: ServedModels, limit: number) {
    this.#models = models;
    this.#images = new ConcurrencyLimit(limit);
  }

  get limit(): number {
    return this.#images.limit;
  }

  /** Images between the decoder and the answer. */
  get inFlight(): number {
    return this.#images.taken;
  }

  /** How long an image that comes now will probably wait, in milliseconds: the longest time of all models. */
  get waitMs(): number {
    return Math.max(...this.#allControls().map(({ waitMs }) => waitMs));
  }

  /** Whether a model is asked more than it can answer, so that requests are refused before the limit is reached. */
  get isOverloaded(): boolean {
    return this.#allControls().some(({ isOverloaded }) => isOverloaded);
  }

  /**
   * Refuses a request that would wait too long, however many images it has: for before its body is read.
   *
   * @throws {RobleError} `ROBLE_SERVER_BUSY`, `ROBLE_MODEL_UNKNOWN`
   */
  check({ model, priority }: Omit<SeatRequest, 'count'>): void {
    this.#admitting(model, priority);
  }

  /**
   * Takes a seat for a request, if there is room for all its images. Whoever takes it has to release it.
   *
   * @throws {RobleError} `ROBLE_SERVER_BUSY`, `ROBLE_MODEL_UNKNOWN`
   */
  takeSeat({ model, priority, count }: SeatRequest): Seat {
    // Others may have come while the body was read.
    const control = this.#admitting(model, priority);
    this.#images.take(count);
    return new Seat(control, () => this.#images.release(count));
  }

  /** The overload control of a model, if it lets such a request in. */
  #admitting(model: string | undefined, priority: Priority | undefined): OverloadControl {
    const control = this.#controlOf(this.#models.find(model));
    if (control.admits(priority) && this.inFlight < this.limit) return control;
    throw busy(`${this.inFlight} images in flight`, 'fewer, above all while the server is overloaded');
  }

  #allControls(): OverloadControl[] {
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

/** The room that a request has in the server: for its images, and in the overload control of its model. */
export class Seat {
  readonly #control: OverloadControl;
  readonly #free: () => void;
  /** Images that have not ended, and the request itself. */
  #occupants = 1;

  /** @param free gives the room for the images back */
  constructor(control: OverloadControl, free: () => void) {
    this.#control = control;
    this.#free = free;
    control.requestEnters();
  }

  /** The room stays taken until this image has ended, even when the request does not wait for it. */
  occupyUntil(image: Promise<unknown>): void {
    this.#occupants++;
    const leave = () => this.#leave();
    image.then(leave, leave);
  }

  /** Counts an image that the model has to compute. */
  imageEnters(): void {
    this.#control.imageEnters();
  }

  /** @param isComputed false for an image that was dropped, or that failed */
  imageLeaves(isComputed: boolean): void {
    this.#control.imageLeaves(isComputed);
  }

  release(): void {
    this.#control.requestLeaves();
    this.#leave();
  }

  #leave(): void {
    this.#occupants--;
    if (this.#occupants === 0) this.#free();
  }
}

/** Bounds how much goes on at the same time; what exceeds it is refused at once. */
export class ConcurrencyLimit {
  readonly limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /** @throws {RobleError} `ROBLE_SERVER_BUSY` when fewer than `count` are left */
  take(count: number): void {
    if (this.#taken + count > this.limit)
      throw busy(`${count} more than the ${this.#taken} in flight`, `at most ${this.limit} in all`);
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
