import { type Problem, RobleError } from '../base/errors.js';
import { didYouMean } from '../base/text/text.js';
import type { UsedPlugin } from '../base/used-plugin.js';
import {
  PLUGIN_API_VERSION,
  PLUGIN_KINDS,
  PLUGIN_NAME,
  type PluginEntry,
  type PluginKind,
  type PluginKinds,
} from './contracts.js';
import { describePlugin, guardPlugin } from './guard.js';
import { describeOrigin, importPlugin } from './import-plugin.js';
import { describeSetAside, type FoundPackages, type PluginPackage, type SetAside } from './packages.js';

/** A plugin by its kind and name. */
export type PluginName = Pick<PluginEntry, 'kind' | 'name'>;

/** What data sets, runs and bundles say of the plugins from outside that made them; nothing where there were none. */
export interface PluginRecord {
  readonly plugins?: UsedPlugin[];
}

/** The plugins that a program knows; it loads a plugin's module at its first use. */
export class PluginRegistry {
  readonly #entries: PluginEntry[] = [];
  readonly #packages: PluginPackage[] = [];
  readonly #setAside: SetAside[] = [];
  /** Names that no package may take, besides those that are registered. */
  readonly #reserved: PluginName[] = [];
  /** Whether plugins get this roble wherever they lie. */
  #givesOwnModules = false;

  constructor(entries: Iterable<PluginEntry> = []) {
    for (const entry of entries) this.register(entry);
  }

  get entries(): readonly PluginEntry[] {
    return [...this.#entries];
  }

  /** The packages from outside that are in use. */
  get packages(): readonly PluginPackage[] {
    return this.#packages;
  }

  /** What was found, and cannot be used. */
  get setAside(): readonly SetAside[] {
    return this.#setAside;
  }

  /** What was set aside, as advice to somebody who looks for a plugin in vain. */
  stepsForSetAside(): string[] {
    return this.#setAside.map((each) => `Set aside: ${describeSetAside(each)}`);
  }

  /**
   * Checks, in this order: name, API version, kind, that it is not registered yet.
   *
   * @throws {RobleError} `ROBLE_PLUGIN_INVALID`
   */
  register(entry: PluginEntry): void {
    const refuse = (message: string, received: unknown, expected: string): never => {
      throw new RobleError('ROBLE_PLUGIN_INVALID', message, { received, expected });
    };
    if (typeof entry.name !== 'string' || !PLUGIN_NAME.test(entry.name))
      refuse('A plugin has no valid name.', entry.name, 'lower-case letters, digits and dashes');
    if (entry.apiVersion !== PLUGIN_API_VERSION)
      refuse(
        `Plugin "${entry.name}" is made for another version of roble.`,
        entry.apiVersion,
        `apiVersion ${PLUGIN_API_VERSION}`,
      );
    if (!PLUGIN_KINDS.includes(entry.kind))
      refuse(
        `Plugin "${entry.name}" is of an unknown kind.`,
        entry.kind,
        `one of ${PLUGIN_KINDS.join(', ')}`,
      );
    if (this.#find(entry.kind, entry.name))
      refuse(
        `There are two plugins "${entry.name}" of kind ${entry.kind}.`,
        entry.module,
        `one of: ${this.names(entry.kind).join(', ')}`,
      );
    this.#entries.push(entry);
  }

  /** Keeps names from packages: those of what is in the box, and is no plugin. */
  reserve(kind: PluginKind, names: readonly string[]): void {
    for (const name of names) this.#reserved.push({ kind, name });
  }

  /** Takes in packages from outside; one that clashes with what is there already is set aside whole. */
  add({ packages, setAside }: FoundPackages): void {
    this.#setAside.push(...setAside);
    for (const found of packages) {
      const clash = found.plugins.find(
        ({ kind, name }, i) =>
          this.#find(kind, name) ||
          this.#reserved.some((taken) => taken.kind === kind && taken.name === name) ||
          found.plugins.findIndex((other) => other.kind === kind && other.name === name) < i,
      );
      if (!clash) {
        this.#packages.push(found);
        for (const entry of found.plugins) this.register(entry);
        continue;
      }
      const { name, version, from, root } = found;
      const other = this.#find(clash.kind, clash.name);
      const isTwice =
        found.plugins.filter(({ kind, name }) => kind === clash.kind && name === clash.name).length > 1;
      const owner = isTwice ? 'it adds two of them' : `${describeOrigin(other?.package)} has one already`;
      this.#setAside.push({
        package: name,
        version,
        from,
        place: root,
        reason: `It adds the ${clash.kind} "${clash.name}", and ${owner}.`,
        nextSteps: ['Use one of the two packages, or ask the author of one for another name.'],
      });
    }
  }

  /** Whether there is a plugin of that name. */
  has(kind: PluginKind, name: string): boolean {
    return this.#find(kind, name) !== undefined;
  }

  /** A plugin in words, as the subject of a sentence: `The reader "coco" of roble-coco 1.0.0`. */
  describe(kind: PluginKind, name: string): string {
    return describePlugin(this.#find(kind, name) ?? { kind, name });
  }

  /** The names of a kind, those in the box first. */
  names(kind: PluginKind): string[] {
    return this.#entries.filter((entry) => entry.kind === kind).map(({ name }) => name);
  }

  /**
   * Tries those of some plugins that come from outside, so that processes and threads that get the entries need not.
   *
   * @returns the record of them, for what they touch; empty where all are in the box
   * @throws {RobleError} `ROBLE_PLUGIN_UNKNOWN`, `ROBLE_PLUGIN_INVALID`
   */
  async admit(plugins: readonly PluginName[]): Promise<PluginRecord> {
    for (const { kind, name } of plugins) await this.#admitted(kind, name);
    return this.recordOf(plugins);
  }

  /** The record of those of some plugins that come from outside. */
  recordOf(plugins: readonly PluginName[]): PluginRecord {
    const wanted = this.#entries.filter(({ kind, name }) =>
      plugins.some((plugin) => plugin.kind === kind && plugin.name === name),
    );
    const used = wanted.flatMap(({ kind, name, package: origin }) =>
      origin ? [{ kind, name, package: origin.name, version: origin.version }] : [],
    );
    return used.length > 0 ? { plugins: used } : {};
  }

  /**
   * Why work that these plugins began cannot go on with those that are here.
   *
   * @param needed those that it goes on with; by default all that were recorded
   */
  problemsWith(
    recorded: readonly UsedPlugin[] = [],
    needed: readonly { kind: string; name: string }[] = recorded,
  ): Problem[] {
    return recorded.flatMap(({ kind, name, package: from, version }) => {
      if (!needed.some((plugin) => plugin.kind === kind && plugin.name === name)) return [];
      const now = this.#find(kind as PluginKind, name)?.package;
      if (now?.name === from && now.version === version) return [];
      const become = now ? `would become ${describeOrigin(now)}` : 'is not here';
      return [
        {
          path: `plugins.${from}`,
          message: `the ${kind} "${name}" was that of ${from} ${version}, ${become}`,
          suggestion: `Install ${from}@${version}, and name it in "plugins".`,
        },
      ];
    });
  }

  /**
   * The plugin, its module loaded. One from outside is tried in a thread of its own first, once, so that a module that
   * never returns, or an augmenter that writes where it must not, is found before it is let in.
   *
   * @throws {RobleError} `ROBLE_PLUGIN_UNKNOWN`, `ROBLE_PLUGIN_INVALID`
   */
  async load<K extends PluginKind>(kind: K, name: string): Promise<PluginKinds[K]> {
    const entry = await this.#admitted(kind, name);
    if (!entry.package) return importPlugin(entry) as Promise<PluginKinds[K]>;
    const { shareOwnModules } = await import('./own-modules.js');
    this.#givesOwnModules ||= shareOwnModules(entry.module);
    return guardPlugin<K>(entry, (await importPlugin(entry)) as PluginKinds[K]);
  }

  async #admitted(kind: PluginKind, name: string): Promise<PluginEntry> {
    const entry = this.#find(kind, name);
    if (!entry) throw this.#unknown(kind, name);
    if (!entry.package || entry.isTried) return entry;
    const { tryPlugin } = await import('./try-plugin.js');
    await tryPlugin(entry);
    const admitted = { ...entry, isTried: true };
    this.#entries[this.#entries.indexOf(entry)] = admitted;
    return admitted;
  }

  #find(kind: PluginKind, name: string): PluginEntry | undefined {
    return this.#entries.find((candidate) => candidate.kind === kind && candidate.name === name);
  }

  #unknown(kind: PluginKind, name: string): RobleError {
    const known = this.names(kind);
    const meant = didYouMean(name, known);
    const hint =
      'A plugin from outside has to be named in "plugins" of the configuration, or installed by "roble plugins:install".';
    return new RobleError('ROBLE_PLUGIN_UNKNOWN', `There is no ${kind} "${name}".`, {
      received: name,
      expected: known.length > 0 ? `one of ${known.join(', ')}` : `a package of plugins that adds one`,
      nextSteps: [...(meant.length > 0 ? meant : [hint]), ...this.stepsForSetAside()],
    });
  }
}
