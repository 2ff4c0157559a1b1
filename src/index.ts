/**
 * roble as a library: what the commands do, callable from TypeScript, without a terminal.
 *
 * @example
 * import { importDataset, trainModel, loadModel, createServer } from 'roble';
 */
import type { Context } from './core/context.js';
import { PluginRegistry } from './core/plugin/registry.js';
import { type LoadModelOptions, loadModel as load, type Model } from './core/predict/load-model.js';
import {
  type CreateServerOptions,
  type RobleServer,
  createServer as startServer,
} from './core/serving/server.js';
import { type TrainModelOptions, type TrainResult, trainModel as train } from './core/training/train.js';
import { builtinPlugins } from './plugins/index.js';

/** A registry with the plugins in the box; more can be registered. */
export const createRegistry = (): PluginRegistry => new PluginRegistry(builtinPlugins);

/** A context, with the plugins to use; by default those in the box. */
export type LibraryContext = Context & { readonly registry?: PluginRegistry };

/** Trains a classifier; see {@link TrainModelOptions}. */
export const trainModel = (options: TrainModelOptions, context: LibraryContext = {}): Promise<TrainResult> =>
  train(options, { ...context, registry: context.registry ?? createRegistry() });

/** Loads a model bundle to answer in this process; see {@link Model}. */
export const loadModel = (
  folder: string,
  options: LoadModelOptions = {},
  context: LibraryContext = {},
): Promise<Model> => load(folder, options, { registry: context.registry ?? createRegistry() });

/** Starts an HTTP server that answers predictions; see {@link CreateServerOptions}. */
export const createServer = (
  options: CreateServerOptions,
  context: LibraryContext = {},
): Promise<RobleServer> =>
  startServer(options, { ...context, registry: context.registry ?? createRegistry() });

export type { Context, ProgressEvent, Reporter, TrainEvent } from './core/context.js';
export { parseCharacters, readClasses } from './core/dataset/classes.js';
export type { DatasetManifest, LoadedSplit, SampleProvenance, SplitName } from './core/dataset/format.js';
export { type ImportOptions, type ImportResult, importDataset } from './core/dataset/import.js';
export { type DatasetDescription, describeDataset, sampleImages } from './core/dataset/info.js';
export { type Dataset, openDataset } from './core/dataset/open.js';
export { type ErrorCode, RobleError } from './core/errors.js';
export { readHistory } from './core/history/read-run.js';
export type { EpochRecord, EvaluationReport, HistoryEvent, RunHistory } from './core/history/record.js';
export { contactSheet, tile } from './core/image/contact-sheet.js';
export { type Preprocessing, preprocessingSchema } from './core/image/preprocessing.js';
export { terminalPicture } from './core/image/terminal.js';
export { layersOfBundle, type ModelBundle, openBundle } from './core/model/bundle.js';
export { layersOf, PRESETS } from './core/model/presets.js';
export { type Layer, layerSchema, type ModelSpec } from './core/model/spec.js';
export { type LayerSummary, type ModelSummary, summarizeModel } from './core/model/summary.js';
export { findImages } from './core/predict/find-images.js';
export type { LoadModelOptions, Model } from './core/predict/load-model.js';
export { findNewestBundle } from './core/predict/newest-bundle.js';
export { type FilePrediction, type ImageInput, predictFiles } from './core/predict/predict-files.js';
export type { Prediction } from './core/predict/top-predictions.js';
export type { CreateServerOptions, RobleServer } from './core/serving/server.js';
export {
  type SynthesizeOptions,
  type SynthesizeResult,
  synthesizeDataset,
} from './core/strokes/synthesize.js';

export type { TrainModelOptions, TrainResult } from './core/training/train.js';
