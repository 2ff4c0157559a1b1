import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError } from '../../base/errors.js';
import { didYouMean } from '../../base/text/text.js';
import type { AnsweredImage } from './answered-image.js';
import { ModelManager, type VersionChoice } from './model-manager.js';
import { FolderSource, modelsIn, RepositorySource } from './repository.js';
import type { Lease, ServedModel, ServedModelOptions } from './served-model.js';

/** Which model a request wants; without a name, the default one. */
export interface ModelChoice extends VersionChoice {
  readonly name?: string | undefined;
}

export interface ServedModelsOptions extends ServedModelOptions {
  /** Folder of a bundle; in a repository the name of the model that answers requests that name none. */
  readonly model?: string | undefined;
  /** Folder with NAME/VERSION, each a bundle. */
  readonly repository?: string | undefined;
  /** Milliseconds between two looks whether there is something else to serve; 0: never. */
  readonly watchMs: number;
}

/** All models of a server, by name. */
export class ServedModels {
  readonly #options: ServedModelsOptions;
  readonly #managers = new Map<string, ModelManager>();
  readonly #stopped = new AbortController();
  #default: string | undefined;

  private constructor(options: ServedModelsOptions) {
    this.#options = options;
  }

  /** @throws {RobleError} what a model has wrong; `ROBLE_FILE_NOT_FOUND`, `ROBLE_MODEL_UNKNOWN` */
  static async start(options: ServedModelsOptions): Promise<ServedModels> {
    const models = new ServedModels(options);
    try {
      await models.#startAll();
    } catch (error) {
      await models.close();
      throw error;
    }
    if (options.watchMs > 0) void models.#watch();
    return models;
  }

  /** The stable version of the default model, or of the first one. */
  get current(): ServedModel {
    return this.first.current;
  }

  /** The default model, or the first one. */
  get first(): ModelManager {
    return this.#managers.get(this.#default ?? '') ?? [...this.#managers.values()][0]!;
  }

  get managers(): ReadonlyMap<string, ModelManager> {
    return this.#managers;
  }

  /**
   * What is served under a name.
   *
   * @throws {RobleError} `ROBLE_MODEL_UNKNOWN`
   */
  find(name: string | undefined): ModelManager {
    const wanted = name ?? this.#default;
    const found = wanted === undefined ? undefined : this.#managers.get(wanted);
    if (found) return found;
    const names = [...this.#managers.keys()];
    throw new RobleError(
      'ROBLE_MODEL_UNKNOWN',
      wanted === undefined
        ? 'The request names no model, and the server has several.'
        : `There is no model "${wanted}".`,
      {
        ...(wanted !== undefined && { received: wanted }),
        expected: names.join(', '),
        nextSteps: wanted === undefined ? [] : didYouMean(wanted, names),
      },
    );
  }

  /**
   * Leases the model that a request wants. Whoever takes it has to release it.
   *
   * @throws {RobleError} `ROBLE_MODEL_UNKNOWN`
   */
  lease(choice: ModelChoice): Lease {
    return this.find(choice.name).lease(choice);
  }

  observe(answered: AnsweredImage): void {
    // Not by its name: another bundle may have taken the place of the one that gave the name.
    for (const manager of this.#managers.values()) manager.observe(answered);
  }

  /**
   * Serves what there is now.
   *
   * @returns whether a stable model is another one than before
   * @throws {RobleError} what the first of those that failed has wrong; these go on as they were
   */
  async reload(): Promise<boolean> {
    const added = await this.#matchRepository();
    const results = await Promise.allSettled([...this.#managers.values()].map((manager) => manager.reload()));
    this.#nameAgain();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return added || results.some((result) => result.status === 'fulfilled' && result.value);
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await Promise.all([...this.#managers.values()].map((manager) => manager.close()));
  }

  toJSON() {
    return Object.fromEntries(this.#managers);
  }

  async #startAll(): Promise<void> {
    const { repository, model } = this.#options;
    if (repository === undefined) {
      const manager = await ModelManager.start(new FolderSource(model!), this.#options);
      this.#managers.set(manager.current.label.name, manager);
      this.#default = manager.current.label.name;
      return;
    }
    await this.#matchRepository();
    if (this.#managers.size === 0)
      throw new RobleError('ROBLE_FILE_NOT_FOUND', `The repository "${repository}" holds no model.`, {
        expected: 'folders NAME/VERSION, each a bundle',
      });
    this.#default = model ?? (this.#managers.size === 1 ? [...this.#managers.keys()][0] : undefined);
    if (this.#default !== undefined) this.find(this.#default);
  }

  /** Starts models that came into the repository, and ends those that left it. Gives whether there were any. */
  async #matchRepository(): Promise<boolean> {
    const { repository } = this.#options;
    if (repository === undefined) return false;
    const names = await modelsIn(repository);
    const [added, removed] = [
      names.filter((name) => !this.#managers.has(name)),
      [...this.#managers.keys()].filter((name) => !names.includes(name)),
    ];
    for (const name of added)
      this.#managers.set(
        name,
        await ModelManager.start(new RepositorySource(repository, name), this.#options),
      );
    for (const name of removed) {
      // The default stays as it is: a server without it could answer nobody.
      if (name === this.#default || this.#managers.size === 1) continue;
      await this.#managers.get(name)!.close();
      this.#managers.delete(name);
    }
    return added.length + removed.length > 0;
  }

  /** Another bundle in the same folder may have another name. */
  #nameAgain(): void {
    if (this.#options.repository !== undefined) return;
    const manager = this.first;
    this.#managers.clear();
    this.#default = manager.current.label.name;
    this.#managers.set(this.#default, manager);
  }

  /** A change counts when it has come to rest. */
  async #watch(): Promise<void> {
    const { watchMs, warn } = this.#options;
    const { signal } = this.#stopped;
    let seen = await this.#fingerprint();
    let served = seen;
    while (await sleep(watchMs, true, { signal, ref: false }).catch(() => false)) {
      const now = await this.#fingerprint();
      const isNew = now !== undefined && now === seen && now !== served;
      seen = now;
      if (!isNew) continue;
      served = now;
      await this.reload().catch((error: Error) => warn(`The new model is not served: ${error.message}`));
    }
  }

  async #fingerprint(): Promise<string | undefined> {
    const { repository } = this.#options;
    if (repository === undefined) return this.first.fingerprint();
    const names = await modelsIn(repository).catch(() => []);
    const parts = names.map((name) => new RepositorySource(repository, name).fingerprint());
    return [...names, ...(await Promise.all(parts))].join();
  }
}
