import { RobleError } from '../base/errors.js';
import { didYouMean } from '../base/text/text.js';
import { PLUGIN_API_VERSION, type PluginEntry, type PluginKind, type PluginKinds } from './contracts.js';

const KINDS: readonly string[] = ['training-engine', 'serving-backend', 'augmenter'] satisfies PluginKind[];

/** The plugins that a program knows; it loads a plugin's module at its first use. */
export class PluginRegistry {
  readonly #entries: PluginEntry[] = [];

  constructor(entries: Iterable<PluginEntry> = []) {
    for (const entry of entries) this.register(entry);
  }

  get entries(): readonly PluginEntry[] {
    return this.#entries;
  }

  /** Checks, in this order: name, API version, kind, that it is not registered yet. */
  register(entry: PluginEntry): void {
    const refuse = (message: string, received: unknown, expected: string): never => {
      throw new RobleError('ROBLE_PLUGIN_INVALID', message, { received, expected });
    };
    if (typeof entry.name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(entry.name))
      refuse('A plugin has no valid name.', entry.name, 'lower-case letters, digits and dashes');
    if (entry.apiVersion !== PLUGIN_API_VERSION)
      refuse(
        `Plugin "${entry.name}" is made for another version of roble.`,
        entry.apiVersion,
        `apiVersion ${PLUGIN_API_VERSION}`,
      );
    if (!KINDS.includes(entry.kind))
      refuse(`Plugin "${entry.name}" is of an unknown kind.`, entry.kind, `one of ${KINDS.join(', ')}`);
    if (this.#entries.some((known) => known.kind === entry.kind && known.name === entry.name))
      refuse(
        `There are two plugins "${entry.name}" of kind ${entry.kind}.`,
        entry.module,
        `one of: ${this.#names(entry.kind).join(', ')}`,
      );
    this.#entries.push(entry);
  }

  /** The plugin, its module loaded. */
  async load<K extends PluginKind>(kind: K, name: string): Promise<PluginKinds[K]> {
    const entry = this.#entries.find((candidate) => candidate.kind === kind && candidate.name === name);
    if (!entry) {
      const known = this.#names(kind);
      throw new RobleError('ROBLE_PLUGIN_UNKNOWN', `There is no ${kind} "${name}".`, {
        received: name,
        expected: `one of ${known.join(', ')}`,
        nextSteps: didYouMean(name, known),
      });
    }
    let loaded: { plugin?: PluginKinds[K] };
    try {
      loaded = await import(entry.module);
    } catch (cause) {
      throw new RobleError(
        'ROBLE_PLUGIN_INVALID',
        `The plugin "${name}" could not be loaded: ${(cause as Error).message}`,
        { cause },
      );
    }
    if (!loaded.plugin)
      throw new RobleError('ROBLE_PLUGIN_INVALID', `The module of plugin "${name}" exports no "plugin".`, {
        received: Object.keys(loaded).join(', ') || 'no exports',
        expected: 'export const plugin = ...',
      });
    return loaded.plugin;
  }

  #names(kind: PluginKind): string[] {
    return this.#entries.filter((entry) => entry.kind === kind).map(({ name }) => name);
  }
}
