import { optional } from '../base/collections.js';
import { RobleError } from '../base/errors.js';
import type { PluginKind } from './contracts.js';
import { integrityOf } from './integrity.js';
import type { PluginPackage, PluginSource, SetAside } from './packages.js';
import type { PluginRegistry } from './registry.js';
import { tryPlugin } from './try-plugin.js';

export interface ListedPlugin {
  readonly kind: PluginKind;
  readonly name: string;
  readonly description?: string;
  /** Milliseconds that its module took to load, in a thread of its own. */
  readonly loadMs?: number;
  /** Why it cannot be used; absent where it can. */
  readonly fault?: string;
  /** What to do about it. */
  readonly nextSteps?: readonly string[];
}

export interface ListedPackage {
  readonly name: string;
  readonly version: string;
  readonly from: PluginSource;
  readonly root: string;
  /** Pins these very files in the configuration; absent where they cannot be read. */
  readonly integrity?: string;
  readonly plugins: readonly ListedPlugin[];
}

export interface PluginList {
  /** What comes in the box: names by kind. */
  readonly box: Partial<Record<PluginKind, readonly string[]>>;
  readonly packages: readonly ListedPackage[];
  readonly setAside: readonly SetAside[];
}

/** Every plugin that a registry knows; those from outside are tried. */
export async function listPlugins(registry: PluginRegistry): Promise<PluginList> {
  const packages: ListedPackage[] = [];
  for (const each of registry.packages) packages.push(await listPackage(each));
  const box: Partial<Record<PluginKind, string[]>> = {};
  for (const { kind, name, package: origin } of registry.entries)
    if (!origin) box[kind] = [...(box[kind] ?? []), name];
  return { box, packages, setAside: registry.setAside };
}

async function listPackage({ name, version, from, root, plugins }: PluginPackage): Promise<ListedPackage> {
  const integrity = await integrityOf(root).catch(() => undefined);
  const listed = await Promise.all(
    plugins.map(async (entry): Promise<ListedPlugin> => {
      const about = { kind: entry.kind, name: entry.name };
      try {
        return { ...about, ...(await tryPlugin(entry)) };
      } catch (error) {
        const { message, details } = RobleError.from(error);
        return { ...about, fault: message, ...optional('nextSteps', details.nextSteps) };
      }
    }),
  );
  return { name, version, from, root, ...optional('integrity', integrity), plugins: listed };
}

/** Whether something in a list cannot be used. */
export const hasFaults = ({ packages, setAside }: PluginList): boolean =>
  setAside.length > 0 || packages.some(({ plugins }) => plugins.some(({ fault }) => fault !== undefined));
