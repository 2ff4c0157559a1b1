import { PluginRegistry } from '../core/plugin/registry.js';
import { builtinPlugins } from './index.js';

/** A registry with the plugins in the box; more can be registered. */
export const createRegistry = (): PluginRegistry => new PluginRegistry(builtinPlugins);
