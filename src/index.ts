/**
 * roble as a library: what the commands do, callable from TypeScript, without a terminal.
 *
 * @example
 * import { importDataset, trainModel, loadModel, createServer } from 'roble';
 */

export type { Context, ProgressEvent, Reporter } from './core/base/context.js';
export { type ErrorCode, RobleError } from './core/base/errors.js';
export { writeNewFile } from './core/base/storage/files.js';
export {
  type AugmentedImage,
  AugmentPipeline,
  type CopyKey,
  loadPipeline,
  type PipelineOptions,
} from './core/data/augment/pipeline.js';
export type { Preview, PreviewOptions } from './core/data/augment/preview.js';
export type { ClassLimit } from './core/data/augment/settings.js';
export { STRATEGIES, type Strategy, strategySchema } from './core/data/augment/settings.js';
export type {
  BalanceInput,
  BalanceOptions,
  BalancePreview,
  BalanceResult,
} from './core/data/balance/balance.js';
export { type MergeOptions, type MergeResult, mergeShards } from './core/data/balance/merge.js';
export type { ClassPlan } from './core/data/balance/plan.js';
export type { ReplayedSample, ReplayOptions } from './core/data/balance/replay.js';
export { parseTarget, type Target } from './core/data/balance/settings.js';
export { parseCharacters, readClasses } from './core/data/dataset/class-names.js';
export type {
  DatasetManifest,
  LoadedSplit,
  Operation,
  SampleProvenance,
  SplitName,
} from './core/data/dataset/format.js';
export { type DatasetDescription, describeDataset, sampleImages } from './core/data/dataset/info.js';
export { type Dataset, openDataset } from './core/data/dataset/open.js';
export {
  type SynthesizeOptions,
  type SynthesizeResult,
  synthesizeDataset,
} from './core/data/dataset/synthesize.js';
export { type ExportOptions, type ExportResult, exportDataset } from './core/data/import-export/export.js';
export { type ImportOptions, type ImportResult, importDataset } from './core/data/import-export/import.js';
export { type CleanResult, parseRemovedKinds, type RemovedKind } from './core/data/validate/clean.js';
export type { Finding as DatasetFinding, FoundSample } from './core/data/validate/subject.js';
export { hasFindings, type ValidateOptions, type ValidationResult } from './core/data/validate/validate.js';
export { contactSheet, tile } from './core/image/contact-sheet.js';
export { findImages } from './core/image/find-images.js';
export { type Preprocessing, preprocessingSchema } from './core/image/settings.js';
export type { RunAnalysis } from './core/learning/analysis/analyze-run.js';
export {
  type AnalyzeRunsOptions,
  analyzeRuns,
  compareRuns,
  type HistoryAnalysis,
} from './core/learning/analysis/analyze-runs.js';
export { type Bound, type BoundResult, parseBound } from './core/learning/analysis/bounds.js';
export type { RunComparison } from './core/learning/analysis/compare-runs.js';
export type { Finding, Suggestion } from './core/learning/analysis/findings/finding.js';
export type { CompareDatasetsOptions, DatasetComparison } from './core/learning/compare/compare-datasets.js';
export type { EvaluateOptions } from './core/learning/evaluation/evaluate.js';
export type {
  DataEvaluation,
  Evaluation,
  EvaluationFiles,
  EvaluationResult,
  JudgedSplit,
} from './core/learning/evaluation/result.js';
export { readHistory } from './core/learning/history/read-run.js';
export type {
  EpochRecord,
  EvaluationReport,
  HistoryEvent,
  RunHistory,
} from './core/learning/history/record.js';
export { layersOf, PRESETS } from './core/learning/presets.js';
export type { ResumeOptions } from './core/learning/training/resume.js';
export type { TrainEvent, TrainingProgress } from './core/learning/training/run/events.js';
export type { TrainResult } from './core/learning/training/run/folder.js';
export { newestRun } from './core/learning/training/run/folder.js';
export type { TrainModelOptions } from './core/learning/training/train.js';
export type { VerifyOptions, VerifyResult } from './core/learning/training/verify.js';
export type { BatchSizeTest, FindBatchSizeOptions } from './core/learning/tuning/find-batch-size.js';
export type { FindLearningRateOptions, LearningRateTest } from './core/learning/tuning/find-learning-rate.js';
export { findNewestBundle, layersOfBundle, type ModelBundle, openBundle } from './core/model/bundle.js';
export { type Layer, layerSchema, type ModelSpec } from './core/model/spec.js';
export { type LayerSummary, type ModelSummary, summarizeModel } from './core/model/summary.js';
export type { StackReport } from './core/operations/deploy/check/check-stack.js';
export type { MadeStack } from './core/operations/deploy/make-stack.js';
export { type MadeSecrets, type MakeSecretsOptions, makeSecrets } from './core/operations/deploy/secrets.js';
export type { GivenChoices, StackChoices } from './core/operations/deploy/stack-settings.js';
export type { SetUpOptions, SetUpResult } from './core/operations/gpu/set-up.js';
export { writeDevice } from './core/operations/gpu/set-up.js';
export type { KpiResult, KpiStatus } from './core/operations/kpi/judge.js';
export { type KpiReport, type ReportKpisOptions, reportKpis } from './core/operations/kpi/report-kpis.js';
export {
  type LoadTestOptions,
  type LoadTestResult,
  loadTest,
} from './core/operations/load-test/load-test.js';
export type { LoadModelOptions, Model } from './core/predict/load-model.js';
export { type FilePrediction, type ImageInput, predictFiles } from './core/predict/predict-files.js';
export type { Prediction } from './core/predict/top-predictions.js';
export type { LogDestination } from './core/serving/observe/server-log.js';
export { logToStandardError } from './core/serving/observe/server-log.js';
export { type ImportFeedbackOptions, importFeedback } from './core/serving/predictions/import-feedback.js';
export type { ReviewedPrediction } from './core/serving/predictions/logged-prediction.js';
export type { PredictionFilter } from './core/serving/predictions/prediction-store.js';
export {
  type ExportPredictionsOptions,
  exportPredictions,
  readPredictions,
} from './core/serving/predictions/read-predictions.js';
export type { CreateServerOptions, RobleServer } from './core/serving/server.js';
export {
  balanceDataset,
  checkStack,
  compareDatasets,
  createServer,
  type EvaluatedModel,
  type EvaluateModelOptions,
  evaluateModel,
  findBatchSize,
  findLearningRate,
  type LibraryContext,
  loadModel,
  type MakeStackOptions,
  makeStack,
  previewBalance,
  previewCopies,
  replaySamples,
  resumeTraining,
  setUpGpu,
  trainModel,
  validateDataset,
  verifyTraining,
} from './library.js';
export { auditMarkdown } from './pages/gpu-audit.js';
export { createRegistry } from './plugins/index.js';
export { terminalPicture } from './ui/terminal/picture.js';
