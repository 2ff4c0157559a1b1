/**
 * The operations that need plugins, with those in the box where nobody gives others. Each is loaded at its first call: who
 * starts a command waits for the parts that it needs, not for all.
 */

import type { Context } from './core/base/context.js';
import type { LoadedConfig } from './core/config/load.js';
import type { Preview, PreviewOptions } from './core/data/augment/preview.js';
import type {
  BalanceInput,
  BalanceOptions,
  BalancePreview,
  BalanceResult,
} from './core/data/balance/balance.js';
import type { Replay, ReplayOptions } from './core/data/balance/replay.js';
import type { ValidateOptions, ValidationResult } from './core/data/validate/validate.js';
import type { CompareDatasetsOptions, DatasetComparison } from './core/learning/compare/compare-datasets.js';
import type { Classifier } from './core/learning/evaluation/classifier.js';
import type { EvaluateOptions } from './core/learning/evaluation/evaluate.js';
import type { EvaluationResult } from './core/learning/evaluation/result.js';
import type { ResumeOptions } from './core/learning/training/resume.js';
import type { TrainingProgress } from './core/learning/training/run/events.js';
import type { TrainResult } from './core/learning/training/run/folder.js';
import type { TrainModelOptions } from './core/learning/training/train.js';
import type { VerifyOptions, VerifyResult } from './core/learning/training/verify.js';
import type { BatchSizeTest, FindBatchSizeOptions } from './core/learning/tuning/find-batch-size.js';
import type { FindLearningRateOptions, LearningRateTest } from './core/learning/tuning/find-learning-rate.js';
import type { StackReport } from './core/operations/deploy/check/check-stack.js';
import type { StackCheckName } from './core/operations/deploy/check/stack-check.js';
import type { MadeStack, StackOptions } from './core/operations/deploy/make-stack.js';
import type { SetUpOptions, SetUpResult } from './core/operations/gpu/set-up.js';
import type { PluginRegistry } from './core/plugin/registry.js';
import type { LoadModelOptions, Model } from './core/predict/load-model.js';
import type { CreateServerOptions, RobleServer } from './core/serving/server.js';
import { createRegistry } from './plugins/index.js';

/** A context, with the plugins to use; by default those in the box. */
export type LibraryContext = Context<TrainingProgress> & { readonly registry?: PluginRegistry };

function withRegistry(
  context: LibraryContext,
): Context<TrainingProgress> & { readonly registry: PluginRegistry } {
  return { ...context, registry: context.registry ?? createRegistry() };
}

/** Trains a classifier; see {@link TrainModelOptions}. */
export async function trainModel(
  options: TrainModelOptions,
  context: LibraryContext = {},
): Promise<TrainResult> {
  const { trainModel: run } = await import('./core/learning/training/train.js');
  return run(options, withRegistry(context));
}

export interface MakeStackOptions
  extends Omit<StackOptions, 'name' | 'serve' | 'kpis' | 'given' | 'variableOf'> {
  /** The configuration of the project. */
  readonly loaded: Pick<LoadedConfig, 'config' | 'origins'>;
}

/** Makes a production stack; see {@link MakeStackOptions}. */
export async function makeStack(
  { loaded, ...options }: MakeStackOptions,
  context: LibraryContext = {},
): Promise<MadeStack> {
  const { makeStack: run } = await import('./core/operations/deploy/make-stack.js');
  const { settingsGiven } = await import('./core/config/load.js');
  const { variableAt } = await import('./core/config/keys.js');
  const { name, serve, kpis } = loaded.config;
  const given = settingsGiven(loaded, 'serve');
  return run({ ...options, name, serve, kpis, given, variableOf: variableAt }, withRegistry(context));
}

/**
 * Looks for mistakes in the folder of a production stack; see {@link StackReport}.
 *
 * @param only the checks to run, by name; default: all
 * @throws {RobleError} `ROBLE_STACK_INVALID` for a folder that holds no stack
 */
export async function checkStack(
  folder: string,
  context: Context = {},
  only?: readonly StackCheckName[],
): Promise<StackReport> {
  const { checkStack: run } = await import('./core/operations/deploy/check/check-stack.js');
  const { configProblems } = await import('./core/config/load.js');
  return run({ folder, only, checkConfig: configProblems }, context);
}

/** Finds a good learning rate by a range test; see {@link FindLearningRateOptions}. */
export async function findLearningRate(
  options: FindLearningRateOptions,
  context: LibraryContext = {},
): Promise<LearningRateTest> {
  const { findLearningRate: run } = await import('./core/learning/tuning/find-learning-rate.js');
  return run(options, withRegistry(context));
}

/** Finds a good batch size by measuring; see {@link FindBatchSizeOptions}. */
export async function findBatchSize(
  options: FindBatchSizeOptions,
  context: LibraryContext = {},
): Promise<BatchSizeTest> {
  const { findBatchSize: run } = await import('./core/learning/tuning/find-batch-size.js');
  return run(options, withRegistry(context));
}

/** Goes on with a training run; see {@link ResumeOptions}. */
export async function resumeTraining(
  options: ResumeOptions,
  context: LibraryContext = {},
): Promise<TrainResult> {
  const { resumeTraining: run } = await import('./core/learning/training/resume.js');
  return run(options, withRegistry(context));
}

/** Proves that kills change nothing; see {@link VerifyOptions}. */
export async function verifyTraining(
  options: VerifyOptions,
  context: LibraryContext = {},
): Promise<VerifyResult> {
  const { verifyTraining: run } = await import('./core/learning/training/verify.js');
  return run(options, withRegistry(context));
}

/** Shows pictures of a data set beside changed copies; see {@link PreviewOptions}. */
export async function previewCopies(options: PreviewOptions, context: LibraryContext = {}): Promise<Preview> {
  const { previewCopies: run } = await import('./core/data/augment/preview.js');
  return run(options, withRegistry(context));
}

/** Makes a balanced data set; see {@link BalanceOptions}. */
export async function balanceDataset(
  options: BalanceOptions,
  context: LibraryContext = {},
): Promise<BalanceResult> {
  const { balanceDataset: run } = await import('./core/data/balance/balance.js');
  return run(options, withRegistry(context));
}

/** What {@link balanceDataset} would do; see {@link BalancePreview}. */
export async function previewBalance(
  options: BalanceInput,
  context: LibraryContext = {},
): Promise<BalancePreview> {
  const { previewBalance: run } = await import('./core/data/balance/balance.js');
  return run(options, withRegistry(context));
}

/** Makes augmented copies again and compares them; see {@link ReplayOptions}. */
export async function replaySamples(options: ReplayOptions, context: LibraryContext = {}): Promise<Replay> {
  const { replaySamples: run } = await import('./core/data/balance/replay.js');
  return run(options, withRegistry(context));
}

/** Trains on several data sets alike, and compares the models; see {@link CompareDatasetsOptions}. */
export async function compareDatasets(
  options: CompareDatasetsOptions,
  context: LibraryContext = {},
): Promise<DatasetComparison> {
  const { compareDatasets: run } = await import('./core/learning/compare/compare-datasets.js');
  return run(options, withRegistry(context));
}

/** Checks a data set; see {@link ValidateOptions}. */
export async function validateDataset(
  options: ValidateOptions,
  context: LibraryContext = {},
): Promise<ValidationResult> {
  const { validateDataset: run } = await import('./core/data/validate/validate.js');
  return run(options, withRegistry(context));
}

/** Loads a model bundle to answer in this process; see {@link Model}. */
export async function loadModel(
  folder: string,
  options: LoadModelOptions = {},
  context: LibraryContext = {},
): Promise<Model> {
  const { loadModel: run } = await import('./core/predict/load-model.js');
  return run(folder, options, withRegistry(context));
}

/** A model to evaluate: the folder of a bundle, or a server. */
export type EvaluatedModel =
  | string
  | { readonly url: string; readonly apiKey?: string | undefined; readonly timeoutMs?: number };

export interface EvaluateModelOptions extends Omit<EvaluateOptions, 'models'> {
  readonly models: readonly EvaluatedModel[];
  /** How bundles are loaded. */
  readonly load?: LoadModelOptions;
}

/**
 * Judges models on samples with labels; see {@link EvaluateOptions}.
 *
 * @example
 * const { data } = await evaluateModel({ models: ['runs/run-0001/model'], data: ['data/letters'] });
 * console.log(data[0].evaluations[0].accuracy);
 */
export async function evaluateModel(
  { models, load = {}, ...options }: EvaluateModelOptions,
  context: LibraryContext = {},
): Promise<EvaluationResult> {
  const { evaluateModels: run } = await import('./core/learning/evaluation/evaluate.js');
  const { registry } = withRegistry(context);
  const { maxPixels, limitName } = options;
  const limit = {
    ...(maxPixels !== undefined && { maxPixels }),
    ...(limitName !== undefined && { limitName }),
  };
  const opened: Classifier[] = [];
  try {
    for (const model of models)
      opened.push(
        typeof model === 'string'
          ? await bundleClassifier(model, { ...load, ...limit }, registry)
          : await serverClassifier(model, context),
      );
    return await run({ ...options, models: opened }, context);
  } finally {
    for (const model of opened) await model.close();
  }
}

async function bundleClassifier(folder: string, load: LoadModelOptions, registry: PluginRegistry) {
  const { openBundleClassifier } = await import('./core/learning/evaluation/classifier.js');
  return openBundleClassifier(folder, load, registry);
}

async function serverClassifier(
  { url, ...given }: Exclude<EvaluatedModel, string>,
  { signal }: Context,
): Promise<Classifier> {
  const { RobleClient } = await import('./client/index.js');
  const { openServerClassifier } = await import('./client/server-classifier.js');
  const { apiKey, timeoutMs } = given;
  const options = { ...(apiKey !== undefined && { apiKey }), ...(timeoutMs !== undefined && { timeoutMs }) };
  return openServerClassifier(url, new RobleClient(url, options), signal);
}

/** Starts an HTTP server that answers predictions; see {@link CreateServerOptions}. */
export async function createServer(
  options: CreateServerOptions,
  context: LibraryContext = {},
): Promise<RobleServer> {
  const [{ createServer: run }, { apiPage }] = await Promise.all([
    import('./core/serving/server.js'),
    import('./pages/api-docs.js'),
  ]);
  return run(options, { ...withRegistry(context), apiPage });
}

/** Finds out what this machine can compute on; see {@link SetUpOptions}. */
export async function setUpGpu(
  options: Omit<SetUpOptions, 'registry'>,
  context: LibraryContext = {},
): Promise<SetUpResult> {
  const { setUpGpu: run } = await import('./core/operations/gpu/set-up.js');
  return run({ ...options, registry: withRegistry(context).registry }, context);
}
