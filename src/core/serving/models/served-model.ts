import { type ModelBundle, openBundle } from '../../model/bundle.js';
import { InferencePool, type InferencePoolOptions } from '../inference/pool.js';
import type { ModelLabel } from '../request/record.js';

export interface ServedModelOptions extends Omit<InferencePoolOptions, 'bundle'> {
  /** Told of a model that takes the place of another. */
  readonly tell?: (message: string) => void;
}

/** A model with its inference processes. It stays while somebody uses it, also after another one took its place. */
export class ServedModel {
  readonly bundle: ModelBundle;
  readonly pool: InferencePool;
  readonly label: ModelLabel;
  readonly loadedAt = new Date();
  #users = 0;
  #unused: (() => void) | undefined;

  private constructor(bundle: ModelBundle, pool: InferencePool, label: ModelLabel) {
    this.bundle = bundle;
    this.pool = pool;
    this.label = label;
  }

  /**
   * Loads a bundle by processes of its own, which check and warm it up.
   *
   * @param named how answers shall name it; by default the bundle's own name, and the start of its digest
   */
  static async start(
    bundle: ModelBundle,
    named: { readonly name?: string; readonly version?: string },
    options: ServedModelOptions,
  ): Promise<ServedModel> {
    const { digest, manifest } = bundle;
    const { name = manifest.name, version = digest.slice(0, 12) } = named;
    return new ServedModel(bundle, await InferencePool.start({ ...options, bundle }), {
      name,
      version,
      digest,
    });
  }

  /** Whether this is what lies in a folder now. */
  async isIn(folder: string): Promise<boolean> {
    return folder === this.bundle.folder && (await openBundle(folder)).digest === this.bundle.digest;
  }

  async use<T>(work: (model: ServedModel) => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await work(this);
    } finally {
      this.#users--;
      if (this.#users === 0) this.#unused?.();
    }
  }

  /** Ends its processes as soon as nobody uses it any more. */
  async retire(): Promise<void> {
    if (this.#users > 0)
      await new Promise<void>((resolve) => {
        this.#unused = resolve;
      });
    await this.pool.close();
  }

  toJSON() {
    const { bundle, pool, label, loadedAt } = this;
    return {
      ...label,
      folder: bundle.folder,
      loadedAt,
      workers: { ready: pool.readyWorkers, restarts: pool.restarts },
    };
  }
}
