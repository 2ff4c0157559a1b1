import { RobleError } from '../../base/errors.js';
import { openBundle } from '../../model/bundle.js';
import type { AnsweredImage } from './answered-image.js';
import {
  type BundlePlace,
  type ModelSource,
  type ModelTarget,
  targetBefore,
  type WantedVersion,
  withCanaryPromoted,
  withoutRole,
} from './repository.js';
import { Canary, isFaultOfModel, Shadow } from './rollout.js';
import { type Lease, ServedModel, type ServedModelOptions } from './served-model.js';

/** Which of the versions that are loaded a request wants; without a version the canary may be taken. */
export interface VersionChoice {
  readonly version?: string | undefined;
  /** Names the client, whose requests go to the same version; asked for only while there is a canary. */
  readonly stickyKey?: (() => string) | undefined;
}

/**
 * What is served under one name, and its replacement while requests come in: a new bundle is checked, loaded beside the
 * old one by processes of its own, and warmed up; then it takes the next request, and the old one ends with its last. A
 * bundle that fails on the way changes nothing. A version that fails when it is served is rolled back.
 */
export class ModelManager {
  readonly #source: ModelSource;
  readonly #options: ServedModelOptions;
  #target: ModelTarget;
  #stable: ServedModel;
  #canary: Canary | undefined;
  #shadow: Shadow | undefined;
  /** What was stable before. */
  #previous: BundlePlace | undefined;
  #changing: Promise<unknown> = Promise.resolve();
  readonly #record = new ChangeRecord();
  readonly #retiring = new Set<Promise<void>>();
  #closed = false;

  private constructor(
    source: ModelSource,
    options: ServedModelOptions,
    first: BundlePlace,
    stable: ServedModel,
  ) {
    this.#source = source;
    this.#options = options;
    this.#target = { stable: first };
    this.#stable = stable;
  }

  /** @throws {RobleError} what the first bundle has wrong */
  static async start(source: ModelSource, options: ServedModelOptions): Promise<ModelManager> {
    const target = await source.target();
    let manager: ModelManager | undefined;
    const stable = await load(source, target.stable, options, () => manager?.rollBackHopeless(stable));
    manager = new ModelManager(source, options, target.stable, stable);
    try {
      if (target.canary || target.shadow) await manager.#apply(target);
    } catch (error) {
      await manager.close();
      throw error;
    }
    return manager;
  }

  /** The stable model. */
  get current(): ServedModel {
    return this.#stable;
  }

  /** How often another model became the stable one, a change failed, and a version was rolled back. */
  get changes(): ChangeRecord['counts'] {
    return this.#record.counts;
  }

  /** What is loaded, and for what. */
  get roles(): readonly { readonly role: 'stable' | 'canary' | 'shadow'; readonly model: ServedModel }[] {
    return [
      { role: 'stable', model: this.#stable },
      ...(this.#canary ? [{ role: 'canary', model: this.#canary.model } as const] : []),
      ...(this.#shadow ? [{ role: 'shadow', model: this.#shadow.model } as const] : []),
    ];
  }

  /** Whether it comes from a repository, where versions have names. */
  get hasVersions(): boolean {
    return this.#source.name !== undefined;
  }

  /** All that is loaded. */
  get loaded(): ServedModel[] {
    return this.roles.map(({ model }) => model);
  }

  /**
   * Leases the version that a request gets. Where the canary fails, the stable one is tried instead.
   *
   * @throws {RobleError} `ROBLE_MODEL_UNKNOWN` when no such version is loaded
   */
  lease({ version, stickyKey = () => '' }: VersionChoice): Lease {
    if (version !== undefined) return this.versionOf(version).lease();
    const canary = this.#canary;
    if (!canary) return this.#stable.lease();
    const role = canary.takes(stickyKey()) ? 'canary' : 'stable';
    const model = role === 'canary' ? canary.model : this.#stable;
    return model.lease({
      succeeded: () => canary.count(role, false),
      failed: (error) => {
        if (!isFaultOfModel(error)) return undefined;
        canary.count(role, true);
        if (role === 'stable') return undefined;
        if (canary.isWorse) this.#rollBackCanary(canary, (error as Error).message);
        return this.#stable.lease();
      },
    });
  }

  /** Lets the shadow see what the stable model has computed. */
  observe(answered: AnsweredImage): void {
    if (this.#shadow && answered.model === this.#stable && answered.source === 'model')
      this.#shadow.see(answered);
  }

  fingerprint(): Promise<string | undefined> {
    return this.#source.fingerprint();
  }

  /**
   * Serves what lies where the models come from now.
   *
   * @returns whether the stable model is another one than before
   * @throws {RobleError} what a bundle has wrong; then all goes on as it was
   */
  reload(): Promise<boolean> {
    return this.#change(() => this.#source.target(), false);
  }

  /** Makes a version the stable one; one that is on trial is then no more. */
  serve(wanted: WantedVersion): Promise<boolean> {
    return this.#change(async () => ({
      ...withoutRole(this.#target, 'canary'),
      stable: this.#source.place(wanted),
    }));
  }

  /** Gives a version a share of the requests. */
  startCanary(wanted: WantedVersion, percent: number): Promise<boolean> {
    return this.#change(async () => ({
      ...this.#target,
      canary: { ...this.#source.place(wanted), percent },
    }));
  }

  stopCanary(): Promise<boolean> {
    return this.#change(async () => withoutRole(this.#target, 'canary'));
  }

  /** Makes the canary the stable model. */
  promote(): Promise<boolean> {
    return this.#change(async () => withCanaryPromoted(this.#target));
  }

  startShadow(wanted: WantedVersion): Promise<boolean> {
    return this.#change(async () => ({ ...this.#target, shadow: this.#source.place(wanted) }));
  }

  stopShadow(): Promise<boolean> {
    return this.#change(async () => withoutRole(this.#target, 'shadow'));
  }

  /** Takes back what changed last: the canary, or the stable model for the one before. */
  rollBack(reason = 'asked for'): Promise<boolean> {
    return this.#change(async () => {
      const { version } = (this.#canary?.model ?? this.#stable).label;
      const target = targetBefore(this.#target, this.#previous);
      this.#record.rolledBack(version, reason);
      return target;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#changing;
    await Promise.all([...this.loaded.map(({ pool }) => pool.close()), ...this.#retiring]);
  }

  toJSON() {
    const { bundle } = this.#stable;
    return {
      ...this.#stable.toJSON(),
      classes: [...bundle.classes],
      input: bundle.input,
      ...this.#record.toJSON(),
      ...(this.#canary && { canary: this.#canary }),
      ...(this.#shadow && { shadow: this.#shadow }),
      ...(this.#previous && { previous: this.#previous }),
    };
  }

  /** When none of its processes stays alive, the version before is served again. */
  rollBackHopeless(model: ServedModel): void {
    const reason = 'no inference process of it stays alive';
    if (this.#canary?.model === model) this.#rollBackCanary(this.#canary, reason);
    else if (this.#stable === model && this.#previous) this.#rollBackUnasked(model, reason);
  }

  #rollBackCanary(canary: Canary, reason: string): void {
    // Another request may have found the same, or the canary has changed meanwhile.
    if (this.#canary !== canary) return;
    this.#canary = undefined;
    this.#retire(canary.model);
    this.#rollBackUnasked(canary.model, reason, canary);
  }

  #rollBackUnasked({ label }: ServedModel, reason: string, canary?: Canary): void {
    const { warn } = this.#options;
    warn(`Rolling back version ${label.version} of ${label.name}: ${reason}`);
    this.#change(async () => {
      this.#record.rolledBack(label.version, reason);
      if (!canary) return { ...this.#target, stable: this.#previous! };
      const isStillThere = this.#target.canary?.folder === canary.model.bundle.folder;
      return isStillThere ? withoutRole(this.#target, 'canary') : this.#target;
    }).catch((error: Error) => {
      if (!this.#closed) warn(`The roll-back failed: ${error.message}`);
    });
  }

  /** @throws {RobleError} `ROBLE_MODEL_UNKNOWN` when no such version is loaded */
  versionOf(version: string): ServedModel {
    const found = this.loaded.find(({ label }) => label.version === version || label.digest === version);
    if (found) return found;
    throw new RobleError(
      'ROBLE_MODEL_UNKNOWN',
      `Version "${version}" of the model "${this.#stable.label.name}" is not loaded.`,
      { received: version, expected: this.loaded.map(({ label }) => label.version).join(', ') },
    );
  }

  /** One change after the other, in the order of the calls. `keep` false: the source says so itself. */
  #change(decide: () => Promise<ModelTarget>, keep = true): Promise<boolean> {
    const done = this.#changing.then(async () => {
      if (this.#closed) throw new RobleError('ROBLE_SERVER_NOT_READY', 'The server is stopping.');
      try {
        const changed = await this.#apply(await decide());
        if (keep) await this.#keep();
        this.#record.succeeded();
        return changed;
      } catch (error) {
        this.#record.failed(error as Error);
        throw error;
      }
    });
    this.#changing = done.catch(() => {});
    return done;
  }

  /** What is served goes on although nobody could write it down, as on a repository that is only read. */
  async #keep(): Promise<void> {
    try {
      await this.#source.keep(this.#target);
    } catch (error) {
      this.#options.warn(`What is served is not remembered for the next start: ${(error as Error).message}`);
    }
  }

  /** Loads what is missing; then all takes its place at once, and what is not needed any more retires. */
  async #apply(target: ModelTarget): Promise<boolean> {
    const started: ServedModel[] = [];
    const before = this.loaded;
    try {
      const stable = await this.#find(target.stable, started);
      const canary = target.canary && (await this.#find(target.canary, started));
      const shadow = target.shadow && (await this.#find(target.shadow, started));
      if (shadow) checkComparable(stable, shadow);
      const old = this.#stable;
      if (old !== stable) {
        // What lay in the same folder is gone.
        this.#previous = old.bundle.folder === stable.bundle.folder ? undefined : this.#target.stable;
        this.#record.served();
      }
      this.#stable = stable;
      this.#canary = canary && this.#sameCanary(canary, target.canary!.percent);
      this.#shadow = shadow && (this.#shadow?.model === shadow ? this.#shadow : new Shadow(shadow));
      this.#target = target;
      if (old !== stable) this.#options.tell?.(`Serving ${stable.label.name} ${stable.label.version} now`);
      for (const model of before) if (!this.loaded.includes(model)) this.#retire(model);
      return old !== stable;
    } catch (error) {
      await Promise.all(started.map(({ pool }) => pool.close()));
      throw error;
    }
  }

  #sameCanary(model: ServedModel, percent: number): Canary {
    const same = this.#canary?.model === model && this.#canary.percent === percent;
    return same ? this.#canary! : new Canary(model, percent);
  }

  async #find(place: BundlePlace, started: ServedModel[]): Promise<ServedModel> {
    for (const model of [...this.loaded, ...started]) if (await model.isIn(place.folder)) return model;
    const model: ServedModel = await load(this.#source, place, this.#options, () =>
      this.rollBackHopeless(model),
    );
    started.push(model);
    return model;
  }

  #retire(model: ServedModel): void {
    const retired = model.retire().finally(() => this.#retiring.delete(retired));
    this.#retiring.add(retired);
  }
}

async function load(
  { name }: ModelSource,
  { folder, version }: BundlePlace,
  options: ServedModelOptions,
  hopeless: () => void,
): Promise<ServedModel> {
  const named = { ...(name !== undefined && { name }), ...(version !== undefined && { version }) };
  return ServedModel.start(await openBundle(folder), named, { ...options, hopeless });
}

/** A shadow is shown the pixels that the stable model saw. */
function checkComparable(stable: ServedModel, shadow: ServedModel): void {
  const [wanted, received] = [stable, shadow].map(({ bundle }) =>
    JSON.stringify(bundle.manifest.preprocessing),
  );
  if (wanted === received) return;
  throw new RobleError(
    'ROBLE_BUNDLE_INVALID',
    'The shadow prepares pictures in another way than the stable model.',
    {
      received,
      expected: wanted!,
      nextSteps: ['Give it a share of the requests as a canary instead.'],
    },
  );
}

/** How often what is served under one name changed or failed to, and what became known of it last. */
class ChangeRecord {
  #served = 0;
  #failed = 0;
  #rolledBack = 0;
  #lastError: { readonly at: Date; readonly message: string } | undefined;
  #lastRollback: { readonly at: Date; readonly version: string; readonly reason: string } | undefined;

  /** How often another model became the stable one, a change failed, and a version was rolled back. */
  get counts(): { readonly served: number; readonly failed: number; readonly rolledBack: number } {
    return { served: this.#served, failed: this.#failed, rolledBack: this.#rolledBack };
  }

  /** Another model is the stable one now. */
  served(): void {
    this.#served++;
  }

  succeeded(): void {
    this.#lastError = undefined;
  }

  failed({ message }: Error): void {
    this.#failed++;
    this.#lastError = { at: new Date(), message };
  }

  rolledBack(version: string, reason: string): void {
    this.#rolledBack++;
    this.#lastRollback = { at: new Date(), version, reason };
  }

  toJSON() {
    return {
      reloads: this.#served,
      ...(this.#lastRollback && { lastRollback: this.#lastRollback }),
      ...(this.#lastError && { lastError: this.#lastError }),
    };
  }
}
