/**
 * roble as a library: what the commands do, callable from TypeScript, without a terminal.
 *
 * @example
 * import { importDataset, trainModel, loadModel, createServer } from 'roble';
 */
import { PluginRegistry } from './core/plugin/registry.js';
import { builtinPlugins } from './plugins/index.js';

/** A registry with the plugins in the box; more can be registered. */
export const createRegistry = (): PluginRegistry => new PluginRegistry(builtinPlugins);

export type { Context, ProgressEvent, Reporter, TrainEvent } from './core/context.js';
export { type ErrorCode, RobleError } from './core/errors.js';
