import { RobleError } from '../base/errors.js';
import type { PluginEntry, PluginKind, PluginKinds, PluginOrigin } from './contracts.js';
import { describeThrown, isPromise } from './odd-values.js';

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
      `The ${kind} "${name}"${whose} could not be loaded: ${describeThrown(cause)}`,
      { ...(lacksRoble(cause) && { nextSteps: TAKE_ROBLE }), cause },
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
  // It would be waited for unseen, here and by whoever loads it elsewhere.
  if (isPromise(plugin)) {
    plugin.then(undefined, () => {});
    throw new RobleError(
      'ROBLE_PLUGIN_INVALID',
      `The ${kind} "${name}"${whose} is a promise, and no plugin.`,
      {
        expected: 'export const plugin = ..., with "await" before what has to be waited for',
      },
    );
  }
  return plugin;
}

/** Whether a module does not find roble: what `require` looks for, roble cannot give it as it does for `import`. */
function lacksRoble(thrown: unknown): boolean {
  const { code, message } = (thrown ?? {}) as NodeJS.ErrnoException;
  return /^(ERR_)?MODULE_NOT_FOUND$/.test(code ?? '') && /['"]roble(\/[\w-]+)?['"]/.test(message ?? '');
}

const TAKE_ROBLE = [
  'In a CommonJS module, take it by "await import(\'roble/plugin\')"; or make the package one of ES modules ("type": "module"; in TypeScript "module": "nodenext").',
  'Or install roble beside it, as the peer dependency that it is: "npm install roble".',
];

/** `roble-paper 1.2.0`; what comes in the box is roble's own. */
export const describeOrigin = (origin: PluginOrigin | undefined): string =>
  origin ? `${origin.name} ${origin.version}` : 'roble';
