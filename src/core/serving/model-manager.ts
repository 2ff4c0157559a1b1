import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError } from '../errors.js';
import { BUNDLE_FILES, type ModelBundle, openBundle } from '../model/bundle.js';
import { fileVersion } from '../storage/file-version.js';
import { InferencePool, type InferencePoolOptions } from './inference-pool.js';

/** A model with its inference processes. It stays while somebody uses it, also after another one took its place. */
export class ServedModel {
  readonly bundle: ModelBundle;
  readonly pool: InferencePool;
  readonly loadedAt = new Date();
  #users = 0;
  #unused: (() => void) | undefined;

  constructor(bundle: ModelBundle, pool: InferencePool) {
    this.bundle = bundle;
    this.pool = pool;
  }

  /** How answers name it. */
  get label(): { readonly name: string; readonly digest: string } {
    return { name: this.bundle.manifest.name, digest: this.bundle.digest };
  }

  /** Stays until the work is done. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await work();
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
}

export interface ModelManagerOptions extends Omit<InferencePoolOptions, 'bundle'> {
  /** Milliseconds between two looks whether the bundle in the folder is another one; 0: never. */
  readonly watchMs: number;
}

/**
 * The model that is served, and its replacement while requests come in: the new bundle is checked, loaded beside the old
 * one by processes of its own, and warmed up; then it takes the next request, and the old one ends with its last. A
 * bundle that fails on the way changes nothing.
 */
export class ModelManager {
  readonly #options: ModelManagerOptions;
  #current: ServedModel;
  #loading: Promise<unknown> = Promise.resolve();
  readonly #retiring = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  #reloads = 0;
  #lastError: { readonly at: Date; readonly message: string } | undefined;

  private constructor(options: ModelManagerOptions, first: ServedModel) {
    this.#options = options;
    this.#current = first;
  }

  /** @throws {RobleError} what the first bundle has wrong */
  static async start(folder: string, options: ModelManagerOptions): Promise<ModelManager> {
    const manager = new ModelManager(options, await startModel(await openBundle(folder), options));
    if (options.watchMs > 0) void manager.#watch();
    return manager;
  }

  get current(): ServedModel {
    return this.#current;
  }

  /**
   * Serves the bundle in a folder, by default the one that lies now where the current model came from. One after the
   * other, in the order of the calls.
   *
   * @returns whether it is another model than before
   * @throws {RobleError} what the bundle has wrong; then the old one goes on
   */
  reload(folder?: string): Promise<boolean> {
    const done = this.#loading.then(() => this.#replace(folder ?? this.#current.bundle.folder));
    this.#loading = done.catch(() => {});
    return done;
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#loading;
    await Promise.all([this.#current.pool.close(), ...this.#retiring]);
  }

  toJSON() {
    const { bundle, loadedAt } = this.#current;
    return {
      ...this.#current.label,
      folder: bundle.folder,
      loadedAt,
      classes: bundle.classes,
      input: bundle.input,
      reloads: this.#reloads,
      ...(this.#lastError && { lastError: this.#lastError }),
    };
  }

  async #replace(folder: string): Promise<boolean> {
    this.#checkRunning();
    try {
      const bundle = await openBundle(folder);
      if (bundle.digest === this.#current.bundle.digest && folder === this.#current.bundle.folder)
        return false;
      const next = await startModel(bundle, this.#options);
      const old = this.#current;
      this.#current = next;
      this.#reloads++;
      this.#lastError = undefined;
      const retired = old.retire().finally(() => this.#retiring.delete(retired));
      this.#retiring.add(retired);
      return true;
    } catch (error) {
      this.#lastError = { at: new Date(), message: (error as Error).message };
      throw error;
    }
  }

  #checkRunning(): void {
    if (this.#stopped.signal.aborted)
      throw new RobleError('ROBLE_SERVER_NOT_READY', 'The server is stopping.');
  }

  /** Looks at the manifest, which is written last; a change counts when it has come to rest. */
  async #watch(): Promise<void> {
    const { watchMs, warn } = this.#options;
    const { signal } = this.#stopped;
    let seen = await this.#version();
    let served = seen;
    while (await sleep(watchMs, true, { signal, ref: false }).catch(() => false)) {
      const now = await this.#version();
      const isNew = now !== undefined && now === seen && now !== served;
      seen = now;
      if (!isNew) continue;
      served = now;
      await this.reload().catch((error: Error) => warn(`The new model is not served: ${error.message}`));
    }
  }

  #version(): Promise<string | undefined> {
    return fileVersion(join(this.#current.bundle.folder, BUNDLE_FILES.manifest));
  }
}

async function startModel(bundle: ModelBundle, options: ModelManagerOptions): Promise<ServedModel> {
  return new ServedModel(bundle, await InferencePool.start({ ...options, bundle }));
}
