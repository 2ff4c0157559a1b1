import { type ModelBundle, openBundle } from '../../model/bundle.js';
import { InferencePool, type InferencePoolOptions } from '../inference/pool.js';
import type { ModelLabel } from '../request/record.js';

export interface ServedModelOptions extends Omit<InferencePoolOptions, 'bundle'> {
  /** Called when a model takes the place of another. */
  readonly tell?: (message: string) => void;
}

/** A model that a request works with; it stays loaded until it is released. */
export interface Lease {
  readonly model: ServedModel;
  /** Notes that the model did what was asked. */
  succeeded(): void;
  /** Notes that it failed; gives the lease of a model to try instead, where there is one. */
  failed(error: unknown): Lease | undefined;
  release(): void;
}

/** What becomes of the work that a model was leased for. */
export type LeaseOutcome = Pick<Lease, 'succeeded' | 'failed'>;

const NOTHING_TO_NOTE: LeaseOutcome = { succeeded() {}, failed: () => undefined };

/** A model with its inference processes. It stays while it is leased, also after another one took its place. */
export class ServedModel {
  readonly bundle: ModelBundle;
  readonly pool: InferencePool;
  readonly label: ModelLabel;
  readonly loadedAt = new Date();
  #leases = 0;
  #unused: (() => void) | undefined;

  private constructor(bundle: ModelBundle, pool: InferencePool, label: ModelLabel) {
    this.bundle = bundle;
    this.pool = pool;
    this.label = label;
  }

  /**
   * Loads a bundle in processes of its own, which check it and warm it up.
   *
   * @param named how answers name it; by default the bundle's own name, and the start of its digest
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

  lease(outcome = NOTHING_TO_NOTE): Lease {
    this.#leases++;
    return {
      model: this,
      succeeded: outcome.succeeded,
      failed: outcome.failed,
      release: () => {
        this.#leases--;
        if (this.#leases === 0) this.#unused?.();
      },
    };
  }

  /** Ends its processes as soon as all leases are released. */
  async retire(): Promise<void> {
    if (this.#leases > 0)
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
