import { busy, ImageBound } from './image-bound.js';
import type { ModelManager } from './models/model-manager.js';
import type { ServedModels } from './models/served-models.js';
import { OverloadControl } from './overload-control.js';
import type { Priority } from './urgency.js';

/** Tells that an image is answered before its request is. @param computed whether the model was what it waited for */
export type ReleaseImage = (computed: boolean) => void;

/**
 * Lets requests in, or refuses them at once: the images that a server has in hand are bounded, from the decoder to the
 * answer, and each model has its own overload control.
 */
export class Admission {
  readonly #models: ServedModels;
  readonly #bound: ImageBound;
  readonly #controls = new WeakMap<ModelManager, OverloadControl>();

  /** @param limit images */
  constructor(models: ServedModels, limit: number) {
    this.#models = models;
    this.#bound = new ImageBound(limit);
  }

  get limit(): number {
    return this.#bound.limit;
  }

  get inHand(): number {
    return this.#bound.inHand;
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
    const control = this.#controlOf(this.#models.find(model));
    if (control.admits(priority) && this.inHand < this.limit) return;
    throw busy(`${this.inHand} images are in hand`, 'fewer, and the more so as the server is overloaded');
  }

  /**
   * Does the work on so many images if there is room for all of them.
   *
   * @throws {RobleError} `ROBLE_SERVER_BUSY`, `ROBLE_MODEL_UNKNOWN`; what the work throws
   */
  async run<T>(
    { model, priority, count }: { model: string | undefined; priority: Priority | undefined; count: number },
    work: (release: ReleaseImage) => Promise<T>,
  ): Promise<T> {
    // While the body was read, others came.
    this.check(model, priority);
    this.#bound.take(count);
    const control = this.#controlOf(this.#models.find(model));
    control.begin(count);
    let left = count;
    const release = (images: number, computed: boolean) => {
      left -= images;
      this.#bound.release(images);
      control.release(images, computed);
    };
    try {
      // A second attempt at a request answers images again.
      return await work((computed) => left > 0 && release(1, computed));
    } finally {
      if (left > 0) release(left, false);
      control.end();
    }
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
