/**
 * Where operations of core meet the plugins in the box, which they use where none are given, and the pages that show their
 * results. Commands and the users of the library both call these. Each loads its module at its first call, so that a
 * program waits for no more than it uses.
 */

import { dirname } from 'node:path';
import type { Context } from './core/base/context.js';
import type { LoadedConfig } from './core/config/load.js';
import type * as balancing from './core/data/balance/balance.js';
import type { CleanResult, RemovedKind } from './core/data/validate/clean.js';
import type * as validation from './core/data/validate/validate.js';
import type * as analysis from './core/learning/analysis/analyze-runs.js';
import type { Classifier } from './core/learning/evaluation/classifier.js';
import type { EvaluateOptions } from './core/learning/evaluation/evaluate.js';
import type * as evaluation from './core/learning/evaluation/result.js';
import type { TrainingProgress } from './core/learning/training/run/events.js';
import type { StackReport } from './core/operations/deploy/check/check-stack.js';
import type { StackCheckName } from './core/operations/deploy/check/stack-check.js';
import type { MadeStack, StackOptions } from './core/operations/deploy/make-stack.js';
import type * as doctor from './core/operations/doctor/doctor.js';
import type * as gpu from './core/operations/gpu/set-up.js';
import type * as kpi from './core/operations/kpi/report-kpis.js';
import type * as load from './core/operations/load-test/load-test.js';
import type { PluginRegistry } from './core/plugin/registry.js';
import type { LoadModelOptions, Model } from './core/predict/load-model.js';
import type { CreateServerOptions, RobleServer } from './core/serving/server.js';
import type { EvaluationFiles } from './pages/evaluation.js';
import type { ReportFiles } from './pages/history/reports.js';
import type { LoadReportFiles } from './pages/load-test.js';
import { createRegistry } from './plugins/index.js';

/** A context, with the plugins to use; by default those in the box. */
export type LibraryContext = Context<TrainingProgress> & { readonly registry?: PluginRegistry };

type PluginContext = Context<TrainingProgress> & { readonly registry: PluginRegistry };

function withRegistry(context: LibraryContext): PluginContext {
  return { ...context, registry: context.registry ?? createRegistry() };
}

/** A function whose module is loaded at its first call. */
export function lazily<Arguments extends unknown[], Result>(
  module: () => Promise<(...given: Arguments) => Promise<Result>>,
) {
  return async (...given: Arguments): Promise<Result> => (await module())(...given);
}

/** The same for one that needs plugins. */
function withPlugins<Options, Result>(
  module: () => Promise<(options: Options, context: PluginContext) => Promise<Result>>,
) {
  return async (options: Options, context: LibraryContext = {}): Promise<Result> =>
    (await module())(options, withRegistry(context));
}

/** Refuses, before a long work, files that could not be written after it. */
async function checkOutputs(files: object, force: boolean | undefined): Promise<void> {
  const { checkOutputs: check } = await import('./core/base/storage/files.js');
  await check(Object.values(files), force ?? false);
}

// Data sets

/** Shows pictures of a data set beside changed copies; see {@link PreviewOptions}. */
export const previewCopies = withPlugins(
  async () => (await import('./core/data/augment/preview.js')).previewCopies,
);

export interface BalanceOptions extends balancing.BalanceOptions {
  /** File for a report as one page; a shard has none. */
  readonly html?: string | undefined;
}

export interface BalanceResult extends balancing.BalanceResult {
  /** The report. */
  readonly html?: string;
}

/** Makes a balanced data set; see {@link BalanceOptions}. */
export async function balanceDataset(
  { html, ...options }: BalanceOptions,
  context: LibraryContext = {},
): Promise<BalanceResult> {
  const { balanceDataset: run } = await import('./core/data/balance/balance.js');
  if (html === undefined) return run(options, withRegistry(context));
  if (options.shard) {
    const { RobleError } = await import('./core/base/errors.js');
    throw new RobleError('ROBLE_USAGE', 'A shard has no report.', {
      expected: '--html without --shard',
      nextSteps: ['"roble data:validate" reports on the merged data set.'],
    });
  }
  await checkOutputs({ html }, false);
  const result = await run(options, withRegistry(context));
  const { balancePage } = await import('./pages/balance.js');
  const { writeNewFile } = await import('./core/base/storage/files.js');
  await writeNewFile(html, await balancePage(result));
  return { ...result, html };
}

/** What {@link balanceDataset} would do; see {@link BalancePreview}. */
export const previewBalance = withPlugins(
  async () => (await import('./core/data/balance/balance.js')).previewBalance,
);

/** Makes augmented copies again and compares them; see {@link ReplayOptions}. */
export const replaySamples = withPlugins(
  async () => (await import('./core/data/balance/replay.js')).replaySamples,
);

export interface ValidateOptions extends Omit<validation.ValidateOptions, 'remove'> {
  /** File for a report as one page. */
  readonly html?: string | undefined;
  /** Replace that file if it exists. */
  readonly force?: boolean | undefined;
  /** Write a data set without what was found. */
  readonly apply?: {
    /** The folder to create. */
    readonly out: string;
    /** Default: leaks, duplicates and blank pictures. */
    readonly remove?: readonly RemovedKind[] | undefined;
  };
}

export interface ValidationResult extends validation.ValidationResult {
  /** The report. */
  readonly html?: string;
  readonly cleaned?: CleanResult;
}

/**
 * Checks a data set, reports what was found, and writes one without it; see {@link ValidateOptions}.
 *
 * @throws {RobleError} `ROBLE_USAGE`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_DATASET_INVALID`, `ROBLE_OUTPUT_EXISTS`,
 *   `ROBLE_INTERRUPTED`; with `apply` those of writing a data set
 *
 * @example
 * const { findings } = await validateDataset({ dataset: 'data/letters', html: 'report.html' });
 */
export async function validateDataset(
  { html, force, apply, ...options }: ValidateOptions,
  context: LibraryContext = {},
): Promise<ValidationResult> {
  const { validateDataset: run } = await import('./core/data/validate/validate.js');
  const { cleanDataset, DEFAULT_REMOVED } = await import('./core/data/validate/clean.js');
  const { refuseExisting, replaceFile } = await import('./core/base/storage/durable.js');
  const remove = apply && (apply.remove ?? DEFAULT_REMOVED);
  if (html !== undefined) await checkOutputs({ html }, force);
  if (apply) await refuseExisting(apply.out);
  const validated = await run({ ...options, remove }, withRegistry(context));
  const { subject, ...result } = validated;
  // Before the cleaning, which may fail where too little would be left.
  if (html !== undefined) {
    const { validationPage } = await import('./pages/validation.js');
    await replaceFile(html, await validationPage(validated));
  }
  const { findings } = result;
  const cleaned =
    apply && remove && (await cleanDataset({ subject, findings, remove, out: apply.out }, context));
  return { ...result, ...(html !== undefined && { html }), ...(cleaned && { cleaned }) };
}

// Training, and what it came to

/** Trains a classifier; see {@link TrainModelOptions}. */
export const trainModel = withPlugins(
  async () => (await import('./core/learning/training/train.js')).trainModel,
);

/** Goes on with a training run; see {@link ResumeOptions}. */
export const resumeTraining = withPlugins(
  async () => (await import('./core/learning/training/resume.js')).resumeTraining,
);

/** Proves that kills change nothing; see {@link VerifyOptions}. */
export const verifyTraining = withPlugins(
  async () => (await import('./core/learning/training/verify.js')).verifyTraining,
);

/** Finds a good learning rate by a range test; see {@link FindLearningRateOptions}. */
export const findLearningRate = withPlugins(
  async () => (await import('./core/learning/tuning/find-learning-rate.js')).findLearningRate,
);

/** Finds a good batch size by measuring; see {@link FindBatchSizeOptions}. */
export const findBatchSize = withPlugins(
  async () => (await import('./core/learning/tuning/find-batch-size.js')).findBatchSize,
);

/** Trains on several data sets alike, and compares the models; see {@link CompareDatasetsOptions}. */
export const compareDatasets = withPlugins(
  async () => (await import('./core/learning/compare/compare-datasets.js')).compareDatasets,
);

export interface AnalyzeRunsOptions extends analysis.AnalyzeRunsOptions {
  /** Files to write. */
  readonly files?: ReportFiles;
  /** Replace files that exist. */
  readonly force?: boolean;
}

export interface HistoryAnalysis extends analysis.HistoryAnalysis {
  /** The files that were written. */
  readonly files: ReportFiles;
}

/**
 * Analyses the histories of runs, in data, and as an HTML report, pictures and a table; see {@link AnalyzeRunsOptions}.
 *
 * @throws {RobleError} `ROBLE_HISTORY_INVALID`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_OUTPUT_EXISTS`, and `ROBLE_USAGE` for a
 *   metric that a run does not have
 * @example
 * const { runs } = await analyzeRuns({ runs: ['runs/run-0001'], files: { html: 'report.html' } });
 * for (const { severity, message } of runs[0].findings) console.log(severity, message);
 */
export async function analyzeRuns(
  { files = {}, force, ...options }: AnalyzeRunsOptions,
  context: Context = {},
): Promise<HistoryAnalysis> {
  const { analyzeRuns: run } = await import('./core/learning/analysis/analyze-runs.js');
  await checkOutputs(files, force);
  const analyzed = await run(options, context);
  if (Object.keys(files).length > 0) {
    const { writeReports } = await import('./pages/history/reports.js');
    await writeReports(analyzed, files);
  }
  const { recorded: _, ...result } = analyzed;
  return { ...result, files };
}

/** A model to evaluate: the folder of a bundle, or a server. */
export type EvaluatedModel =
  | string
  | { readonly url: string; readonly apiKey?: string | undefined; readonly timeoutMs?: number };

export interface EvaluateModelOptions extends Omit<EvaluateOptions, 'models'> {
  readonly models: readonly EvaluatedModel[];
  /** How bundles are loaded. */
  readonly load?: LoadModelOptions;
  readonly files?: EvaluationFiles | undefined;
  /** Replace files that exist. */
  readonly force?: boolean | undefined;
}

export interface EvaluationResult extends evaluation.EvaluationResult {
  /** The files that were written. */
  readonly files: EvaluationFiles;
}

/**
 * Judges models on samples with labels; see {@link EvaluateOptions}.
 *
 * @throws {RobleError} `ROBLE_DATASET_SPLIT`, `ROBLE_DATASETS_DIFFER` for a data set whose pictures were made for another
 *   model, `ROBLE_SOURCE_EMPTY`, `ROBLE_OUTPUT_EXISTS`, `ROBLE_USAGE` for a bound on what is no metric
 * @example
 * const { data } = await evaluateModel({ models: ['runs/run-0001/model'], data: ['data/letters'] });
 * console.log(data[0].evaluations[0].accuracy);
 */
export async function evaluateModel(
  { models, load = {}, files = {}, force, ...options }: EvaluateModelOptions,
  context: LibraryContext = {},
): Promise<EvaluationResult> {
  const { evaluateModels: run } = await import('./core/learning/evaluation/evaluate.js');
  await refuseSharedSheet(files, models, options.data);
  await checkOutputs(files, force);
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
    const evaluated = await run({ ...options, models: opened }, context);
    const { writeEvaluationFiles } = await import('./pages/evaluation.js');
    return {
      ...evaluated,
      data: evaluated.data.map(({ pictures: _, ...judged }) => judged),
      files: await writeEvaluationFiles(evaluated, files),
    };
  } finally {
    for (const model of opened) await model.close();
  }
}

/** Makes a bundle with 8-bit integers of one with floats; see {@link QuantizeOptions}. */
export const quantizeModel = withPlugins(
  async () => (await import('./core/learning/quantization/quantize.js')).quantizeModel,
);

async function refuseSharedSheet(
  { sheet }: EvaluationFiles,
  models: readonly unknown[],
  data: readonly string[],
): Promise<void> {
  if (sheet === undefined || models.length * data.length <= 1) return;
  const { RobleError } = await import('./core/base/errors.js');
  const { countOf } = await import('./core/base/text/text.js');
  throw new RobleError('ROBLE_USAGE', 'A sheet shows the mistakes of one model on one source.', {
    received: `${countOf(models.length, 'model')}, ${countOf(data.length, 'source')}`,
    nextSteps: ['Write them all as one page, with --html FILE.'],
  });
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

// Models and servers

/** Loads a model bundle to answer in this process; see {@link Model}. */
export async function loadModel(
  folder: string,
  options: LoadModelOptions = {},
  context: LibraryContext = {},
): Promise<Model> {
  const { loadModel: run } = await import('./core/predict/load-model.js');
  return run(folder, options, withRegistry(context));
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

// Machines and production

/** Finds out what this machine can compute on; see {@link SetUpOptions}. */
export async function setUpGpu(
  options: Omit<gpu.SetUpOptions, 'registry'>,
  context: LibraryContext = {},
): Promise<gpu.SetUpResult> {
  const { setUpGpu: run } = await import('./core/operations/gpu/set-up.js');
  return run({ ...options, registry: withRegistry(context).registry }, context);
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

export interface ExamineProjectOptions {
  /** Where the search for the project's configuration begins. */
  readonly folder: string;
  /** How the configuration is loaded; by default as from the command line, without flags. */
  readonly load?: () => Promise<LoadedConfig>;
}

/**
 * Looks at everything that roble needs on this machine and in a project, and says how to mend what is wrong. A configuration
 * that cannot be used is one of the findings.
 *
 * @throws {RobleError} `ROBLE_INTERRUPTED`
 * @example
 * const { healthy, subjects } = await examineProject({ folder: process.cwd() });
 */
export async function examineProject(
  { folder, load }: ExamineProjectOptions,
  context: LibraryContext = {},
): Promise<doctor.DoctorReport> {
  const { examine } = await import('./core/operations/doctor/doctor.js');
  const { configProblems, loadConfig } = await import('./core/config/load.js');
  const { RobleError } = await import('./core/base/errors.js');
  const { homeFolder } = await import('./core/base/storage/home.js');
  const asUsual = () => loadConfig({ cwd: folder, env: process.env, home: homeFolder() });
  const examined = await (load ?? asUsual)().then(
    ({ config, files, origins, projectFile }) => ({
      folder: projectFile === undefined ? folder : dirname(projectFile),
      configuration: {
        files,
        settings: config,
        isGiven: (key: string) => origins[key]?.source !== 'default',
      },
    }),
    (thrown) => ({ folder, configuration: { fault: RobleError.from(thrown) } }),
  );
  return examine({ ...examined, checkConfig: configProblems }, withRegistry(context));
}

export interface ReportKpisOptions extends kpi.ReportKpisOptions {
  /** Page to write. */
  readonly markdown?: string | undefined;
  /** Replace a page that exists. */
  readonly force?: boolean;
}

export interface KpiReport extends kpi.KpiReport {
  /** The page that was written. */
  readonly markdown?: string;
}

/**
 * Compares what was measured with the targets of a project; see {@link ReportKpisOptions}.
 *
 * @throws {RobleError} `ROBLE_KPIS_MISSING` without a target; `ROBLE_HISTORY_INVALID`, `ROBLE_LOAD_INVALID`,
 *   `ROBLE_FILE_NOT_FOUND`, `ROBLE_SERVER_UNREACHABLE`, `ROBLE_OUTPUT_EXISTS`
 * @example
 * const { kpis } = await reportKpis({ kpis: { accuracy: 0.85 }, runs: 'runs', markdown: 'kpis.md' });
 * kpis[0].status; // 'met', 'missed' or 'not-measured'
 */
export async function reportKpis(
  { markdown, force, ...options }: ReportKpisOptions,
  context: Context = {},
): Promise<KpiReport> {
  const { reportKpis: run } = await import('./core/operations/kpi/report-kpis.js');
  if (markdown === undefined) return run(options, context);
  await checkOutputs({ markdown }, force);
  const report = await run(options, context);
  const { writeFile } = await import('node:fs/promises');
  const { kpiMarkdown } = await import('./pages/kpi.js');
  await writeFile(markdown, kpiMarkdown(report));
  return { ...report, markdown };
}

export interface LoadTestOptions extends load.LoadTestOptions {
  readonly files: LoadReportFiles;
  /** Replace files that exist. */
  readonly force: boolean;
}

export interface LoadTestResult extends load.LoadTestResult {
  /** The files that were written. */
  readonly files: LoadReportFiles;
}

/** Puts a load on a server that runs, and measures what it does; see {@link LoadTestOptions}. */
export async function loadTest(
  { files, force, ...options }: LoadTestOptions,
  context: Context = {},
): Promise<LoadTestResult> {
  const { loadTest: run } = await import('./core/operations/load-test/load-test.js');
  await checkOutputs(files, force);
  const result = await run(options, context);
  const { writeLoadReports } = await import('./pages/load-test.js');
  await writeLoadReports(result, files);
  return { ...result, files };
}
