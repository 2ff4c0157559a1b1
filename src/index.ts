/**
 * roble as a library: what the commands do, callable from TypeScript, without a terminal. What it computes with is loaded
 * when a function is called that needs it.
 *
 * @example
 * import { importDataset, trainModel, loadModel, createServer } from 'roble';
 */

import type { PredictionFilter } from './core/serving/predictions/prediction-store.js';
import { lazily } from './library.js';

export type { Context, ProgressEvent, Reporter } from './core/base/context.js';
export { type ErrorCode, RobleError } from './core/base/errors.js';
export { writeNewFile } from './core/base/storage/files.js';
export {
  type AugmentedImage,
  AugmentPipeline,
  type CopyKey,
  type PipelineOptions,
} from './core/data/augment/pipeline.js';
export type { Preview, PreviewOptions } from './core/data/augment/preview.js';
export type { ClassLimit } from './core/data/augment/settings.js';
export { STRATEGIES, type Strategy, strategySchema } from './core/data/augment/settings.js';
export type { BalanceInput, BalancePreview } from './core/data/balance/balance.js';
export type { MergeOptions, MergeResult } from './core/data/balance/merge.js';
export type { ClassPlan } from './core/data/balance/plan.js';
export type { ReplayedSample, ReplayOptions } from './core/data/balance/replay.js';
export { parseTarget, type Target } from './core/data/balance/settings.js';
export { parseCharacters } from './core/data/dataset/class-names.js';
export type {
  DatasetManifest,
  Operation,
  SampleProvenance,
  SplitName,
} from './core/data/dataset/format.js';
export type { DatasetDescription } from './core/data/dataset/info.js';
export type { Dataset, LoadedSplit, OpenSplit } from './core/data/dataset/open.js';
export { copyPictures, type PackedPictures, pictureAt } from './core/data/dataset/pictures.js';
export type { SynthesizeOptions, SynthesizeResult } from './core/data/dataset/synthesize.js';
export type { ExportOptions, ExportResult } from './core/data/import-export/export.js';
export type { ImportOptions, ImportResult } from './core/data/import-export/import.js';
export { type CleanResult, parseRemovedKinds, type RemovedKind } from './core/data/validate/clean.js';
export {
  type Finding as DatasetFinding,
  type FoundSample,
  hasFindings,
} from './core/data/validate/subject.js';
export { tile } from './core/image/contact-sheet.js';
export { type Preprocessing, preprocessingSchema } from './core/image/settings.js';
export type { RunAnalysis } from './core/learning/analysis/analyze-run.js';
export { type Bound, type BoundResult, parseBound } from './core/learning/analysis/bounds.js';
export type { RunComparison } from './core/learning/analysis/compare-runs.js';
export type { Finding, Suggestion } from './core/learning/analysis/findings/finding.js';
export type { CompareDatasetsOptions, DatasetComparison } from './core/learning/compare/compare-datasets.js';
export type { EvaluateOptions } from './core/learning/evaluation/evaluate.js';
export type { DataEvaluation, Evaluation, JudgedSplit } from './core/learning/evaluation/result.js';
export type {
  EpochRecord,
  EvaluationReport,
  HistoryEvent,
  RunHistory,
} from './core/learning/history/record.js';
export { layersOf, PRESETS } from './core/learning/presets.js';
export type { QuantizeOptions, QuantizeResult } from './core/learning/quantization/quantize.js';
export type { ResumeOptions } from './core/learning/training/resume.js';
export type { TrainEvent, TrainingProgress } from './core/learning/training/run/events.js';
export type { TrainResult } from './core/learning/training/run/folder.js';
export type { TrainModelOptions } from './core/learning/training/train.js';
export type { VerifyOptions, VerifyResult } from './core/learning/training/verify.js';
export type { BatchSizeTest, FindBatchSizeOptions } from './core/learning/tuning/find-batch-size.js';
export type { FindLearningRateOptions, LearningRateTest } from './core/learning/tuning/find-learning-rate.js';
export type {
  BackboneDescription,
  BackboneOverrides,
} from './core/model/backbone/inspect-backbone.js';
export type { InspectedModel, InspectOptions } from './core/model/backbone/inspect-model.js';
export type { ModelBundle } from './core/model/bundle.js';
export { type Layer, layerSchema, type ModelSpec } from './core/model/spec.js';
export { type LayerSummary, type ModelSummary, summarizeModel } from './core/model/summary.js';
export type { StackReport } from './core/operations/deploy/check/check-stack.js';
export type { MadeStack } from './core/operations/deploy/make-stack.js';
export type { MadeSecrets, MakeSecretsOptions } from './core/operations/deploy/secrets.js';
export type { GivenChoices, StackChoices } from './core/operations/deploy/stack-settings.js';
export type { DoctorReport } from './core/operations/doctor/doctor.js';
export type { SetUpOptions, SetUpResult } from './core/operations/gpu/set-up.js';
export type { KpiResult, KpiStatus } from './core/operations/kpi/judge.js';
export type { ExplainOptions, Explanation, LoadModelOptions, Model } from './core/predict/load-model.js';
export type { FilePrediction, ImageInput } from './core/predict/predict-files.js';
export type { Prediction } from './core/predict/top-predictions.js';
export type { LogDestination } from './core/serving/observe/server-log.js';
export type { ImportFeedbackOptions } from './core/serving/predictions/import-feedback.js';
export type { ReviewedPrediction } from './core/serving/predictions/logged-prediction.js';
export type { PredictionFilter } from './core/serving/predictions/prediction-store.js';
export type { ExportPredictionsOptions } from './core/serving/predictions/read-predictions.js';
export type { CreateServerOptions, RobleServer } from './core/serving/server.js';
export {
  type AnalyzeRunsOptions,
  analyzeRuns,
  type BalanceOptions,
  type BalanceResult,
  balanceDataset,
  checkStack,
  compareDatasets,
  createServer,
  type EvaluatedModel,
  type EvaluateModelOptions,
  type EvaluationResult,
  type ExamineProjectOptions,
  evaluateModel,
  examineProject,
  findBatchSize,
  findLearningRate,
  type HistoryAnalysis,
  type KpiReport,
  type LibraryContext,
  type LoadTestOptions,
  type LoadTestResult,
  loadModel,
  loadTest,
  type MakeStackOptions,
  makeStack,
  previewBalance,
  previewCopies,
  quantizeModel,
  type ReportKpisOptions,
  replaySamples,
  reportKpis,
  resumeTraining,
  setUpGpu,
  trainModel,
  type ValidateOptions,
  type ValidationResult,
  validateDataset,
  verifyTraining,
} from './library.js';
export type { EvaluationFiles } from './pages/evaluation.js';
export { auditMarkdown } from './pages/gpu-audit.js';
export { createRegistry } from './plugins/index.js';

/** Makes a data set of pictures or strokes; see {@link ImportOptions}. */
export const importDataset = lazily(
  async () => (await import('./core/data/import-export/import.js')).importDataset,
);

/** Makes a data set of what people said of the predictions of a server; see {@link ImportFeedbackOptions}. */
export const importFeedback = lazily(
  async () => (await import('./core/serving/predictions/import-feedback.js')).importFeedback,
);

/** Writes a data set in a format that other tools read; see {@link ExportOptions}. */
export const exportDataset = lazily(
  async () => (await import('./core/data/import-export/export.js')).exportDataset,
);

/** Draws a data set of characters, as if by hand; see {@link SynthesizeOptions}. */
export const synthesizeDataset = lazily(
  async () => (await import('./core/data/dataset/synthesize.js')).synthesizeDataset,
);

/** Opens a data set; see {@link Dataset}. */
export const openDataset = lazily(async () => (await import('./core/data/dataset/open.js')).openDataset);

/** What a data set holds; see {@link DatasetDescription}. */
export const describeDataset = lazily(
  async () => (await import('./core/data/dataset/info.js')).describeDataset,
);

/** Some pictures of each class of a split. */
export const sampleImages = lazily(async () => (await import('./core/data/dataset/info.js')).sampleImages);

/** The classes that a list, or a file with one on each line, names. */
export const readClasses = lazily(
  async () => (await import('./core/data/dataset/class-names.js')).readClasses,
);

/** Loads what changes pictures; see {@link AugmentPipeline}. */
export const loadPipeline = lazily(
  async () => (await import('./core/data/augment/pipeline.js')).loadPipeline,
);

/** Joins the shards of a balanced data set; see {@link MergeOptions}. */
export const mergeShards = lazily(async () => (await import('./core/data/balance/merge.js')).mergeShards);

/** The images that files, folders and globs name. */
export const findImages = lazily(async () => (await import('./core/image/find-images.js')).findImages);

/** Pictures in rows, as a PNG. */
export const contactSheet = lazily(async () => (await import('./core/image/contact-sheet.js')).contactSheet);

/** The folder of the newest run. */
export const newestRun = lazily(
  async () => (await import('./core/learning/training/run/folder.js')).newestRun,
);

/** Reads the history of a run; see {@link RunHistory}. */
export const readHistory = lazily(
  async () => (await import('./core/learning/history/read-run.js')).readHistory,
);

/** Ranks runs, with paired statistics over their seeds; see {@link RunComparison}. */
export const compareRuns = lazily(
  async () => (await import('./core/learning/analysis/analyze-runs.js')).compareRuns,
);

/** The bundle of the newest run. */
export const findNewestBundle = lazily(async () => (await import('./core/model/bundle.js')).findNewestBundle);

/** Opens a bundle and checks it; see {@link ModelBundle}. */
export const openBundle = lazily(async () => (await import('./core/model/bundle.js')).openBundle);

/** What an ONNX file or a bundle is, and what it could be used as; see {@link InspectOptions}. */
export const inspectModel = lazily(
  async () => (await import('./core/model/backbone/inspect-model.js')).inspectModel,
);

/** The layers of the network in a bundle. */
export const layersOfBundle = lazily(async () => (await import('./core/model/bundle.js')).layersOfBundle);

/** Classifies images by a model; see {@link FilePrediction}. */
export const predictFiles = lazily(
  async () => (await import('./core/predict/predict-files.js')).predictFiles,
);

/** Where a server writes its log unless it is given another place: standard error, without waiting for it. */
export const logToStandardError = lazily(
  async () => (await import('./core/serving/observe/server-log.js')).logToStandardError,
);

/** Writes the log of a server as CSV or JSON lines; see {@link ExportPredictionsOptions}. */
export const exportPredictions = lazily(
  async () => (await import('./core/serving/predictions/read-predictions.js')).exportPredictions,
);

/** Writes an engine and its device into a configuration file. */
export const writeDevice = lazily(async () => (await import('./core/operations/gpu/set-up.js')).writeDevice);

/** Makes the passwords, keys and the first certificate of a stack; see {@link MakeSecretsOptions}. */
export const makeSecrets = lazily(
  async () => (await import('./core/operations/deploy/secrets.js')).makeSecrets,
);

/** The predictions in the log of a server; see {@link PredictionFilter}. */
export async function* readPredictions(url: string, filter: PredictionFilter = {}) {
  const { readPredictions: read } = await import('./core/serving/predictions/read-predictions.js');
  yield* read(url, filter);
}
