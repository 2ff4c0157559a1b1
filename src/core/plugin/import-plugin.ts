import { RobleError } from '../base/errors.js';
import type { PluginEntry, PluginKind, PluginKinds, PluginOrigin } from './contracts.js';

interface PluginModule {
  readonly plugin?: PluginKinds[PluginKind];
}

/**
 * What the module of a plugin exports.
 *
 * @throws {RobleError} `ROBLE_PLUGIN_INVALID`
 */
export async function importPlugin(entry: PluginEntry): Promise<PluginKinds[PluginKind]> {
  const { kind, name, module } = entry;
  const whose = entry.package ? ` of ${describeOrigin(entry.package)}` : '';
  let loaded: PluginModule & { default?: PluginModule };
  try {
    loaded = await import(module);
  } catch (cause) {
    throw new RobleError(
      'ROBLE_PLUGIN_INVALID',
      `The ${kind} "${name}"${whose} could not be loaded: ${(cause as Error)?.message ?? cause}`,
      { cause },
    );
  }
  // CommonJS modules have what they export in `default`, too.
  const plugin = loaded.plugin ?? loaded.default?.plugin;
  if (!plugin)
    throw new RobleError(
      'ROBLE_PLUGIN_INVALID',
      `The module of the ${kind} "${name}"${whose} exports no "plugin".`,
      {
        received: Object.keys(loaded).join(', ') || 'no exports',
        expected: 'export const plugin = ...',
      },
    );
  return plugin;
}

/** `roble-paper 1.2.0`; what comes in the box is roble's own. */
export const describeOrigin = (origin: PluginOrigin | undefined): string =>
  origin ? `${origin.name} ${origin.version}` : 'roble';
