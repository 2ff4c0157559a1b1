/**
 * roble as a library: what the commands do, callable from TypeScript, without a terminal.
 *
 * @example
 * import { importDataset, trainModel, loadModel, createServer } from 'roble';
 */
import type { Context } from './core/context.js';
import { PluginRegistry } from './core/plugin/registry.js';
import { type TrainModelOptions, type TrainResult, trainModel as train } from './core/training/train.js';
import { builtinPlugins } from './plugins/index.js';

/** A registry with the plugins in the box; more can be registered. */
export const createRegistry = (): PluginRegistry => new PluginRegistry(builtinPlugins);

/** A context, with the plugins to use; by default those in the box. */
export type LibraryContext = Context & { readonly registry?: PluginRegistry };

/** Trains a classifier; see {@link TrainModelOptions}. */
export const trainModel = (options: TrainModelOptions, context: LibraryContext = {}): Promise<TrainResult> =>
  train(options, { ...context, registry: context.registry ?? createRegistry() });

export type { Context, ProgressEvent, Reporter, TrainEvent } from './core/context.js';
export { type ErrorCode, RobleError } from './core/errors.js';
export type { EpochRecord, RunHistory } from './core/training/history.js';
export type { TrainModelOptions, TrainResult } from './core/training/train.js';
export { type LayerSummary, type ModelSummary, summarizeModel } from './core/model/summary.js';
