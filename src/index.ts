/**
 * roble as a library: what the commands do, callable from TypeScript, without a terminal.
 *
 * @example
 * import { importDataset, trainModel, loadModel, createServer } from 'roble';
 */

export type { ClassLimit } from './core/augment/class-limits.js';
export {
  type AugmentedImage,
  AugmentPipeline,
  type CopyKey,
  loadPipeline,
  type Operation,
  type PipelineOptions,
} from './core/augment/pipeline.js';
export type { Preview, PreviewOptions } from './core/augment/preview.js';
export { STRATEGIES, type Strategy, strategySchema } from './core/augment/strategy.js';
export type { BalanceInput, BalanceOptions, BalancePreview, BalanceResult } from './core/balance/balance.js';
export { type MergeOptions, type MergeResult, mergeShards } from './core/balance/merge.js';
export type { ClassPlan } from './core/balance/plan.js';
export type { ReplayedSample, ReplayOptions } from './core/balance/replay.js';
export { parseTarget, type Target } from './core/balance/target.js';
export type { CompareDatasetsOptions, DatasetComparison } from './core/compare-data/compare-datasets.js';
export type { Context, ProgressEvent, Reporter, TrainEvent } from './core/context.js';
export { parseCharacters, readClasses } from './core/dataset/classes.js';
export { type ExportOptions, type ExportResult, exportDataset } from './core/dataset/export.js';
export type { DatasetManifest, LoadedSplit, SampleProvenance, SplitName } from './core/dataset/format.js';
export { type ImportOptions, type ImportResult, importDataset } from './core/dataset/import.js';
export { type ImportFeedbackOptions, importFeedback } from './core/dataset/import-feedback.js';
export { type DatasetDescription, describeDataset, sampleImages } from './core/dataset/info.js';
export { type Dataset, openDataset } from './core/dataset/open.js';
export { checkStack, type StackReport } from './core/deploy/check/check-stack.js';
export { type MadeSecrets, type MakeSecretsOptions, makeSecrets } from './core/deploy/make-secrets.js';
export type { MadeStack, MakeStackOptions } from './core/deploy/make-stack.js';
export type { GivenChoices, StackChoices } from './core/deploy/stack-settings.js';
export { type ErrorCode, RobleError } from './core/errors.js';
export type { EvaluateOptions } from './core/evaluate/evaluate.js';
export type { Evaluation } from './core/evaluate/evaluation.js';
export type { DataEvaluation, EvaluationFiles, EvaluationResult } from './core/evaluate/result.js';
export type { JudgedSplit } from './core/evaluate/subject.js';
export { auditMarkdown } from './core/gpu/report.js';
export type { SetUpOptions, SetUpResult } from './core/gpu/set-up.js';
export { writeDevice } from './core/gpu/write-device.js';
export type { RunAnalysis } from './core/history/analyze-run.js';
export {
  type AnalyzeRunsOptions,
  analyzeRuns,
  compareRuns,
  type HistoryAnalysis,
} from './core/history/analyze-runs.js';
export { type Bound, type BoundResult, parseBound } from './core/history/bounds.js';
export type { RunComparison } from './core/history/compare/compare-runs.js';
export type { Finding, Suggestion } from './core/history/findings/finding.js';
export { readHistory } from './core/history/read-run.js';
export type { EpochRecord, EvaluationReport, HistoryEvent, RunHistory } from './core/history/record.js';
export { contactSheet, tile } from './core/image/contact-sheet.js';
export { type Preprocessing, preprocessingSchema } from './core/image/preprocessing.js';
export { terminalPicture } from './core/image/terminal.js';
export type { KpiResult, KpiStatus } from './core/kpi/judge.js';
export { type KpiReport, type ReportKpisOptions, reportKpis } from './core/kpi/report-kpis.js';
export {
  type LoadTestOptions,
  type LoadTestResult,
  loadTest,
} from './core/load-test/load-test.js';
export { layersOfBundle, type ModelBundle, openBundle } from './core/model/bundle.js';
export { layersOf, PRESETS } from './core/model/presets.js';
export { type Layer, layerSchema, type ModelSpec } from './core/model/spec.js';
export { type LayerSummary, type ModelSummary, summarizeModel } from './core/model/summary.js';
export { findImages } from './core/predict/find-images.js';
export type { LoadModelOptions, Model } from './core/predict/load-model.js';
export { findNewestBundle } from './core/predict/newest-bundle.js';
export { type FilePrediction, type ImageInput, predictFiles } from './core/predict/predict-files.js';
export type { Prediction } from './core/predict/top-predictions.js';
export { type ExportPredictionsOptions, exportPredictions } from './core/predictions/export-predictions.js';
export type { ReviewedPrediction } from './core/predictions/logged-prediction.js';
export type { PredictionFilter } from './core/predictions/prediction-store.js';
export { readPredictions } from './core/predictions/read-predictions.js';
export type { LogDestination } from './core/serving/log/server-log.js';
export { logToStandardError } from './core/serving/log/standard-error.js';
export type { CreateServerOptions, RobleServer } from './core/serving/server.js';
export { writeNewFile } from './core/storage/new-file.js';
export {
  type SynthesizeOptions,
  type SynthesizeResult,
  synthesizeDataset,
} from './core/strokes/synthesize.js';
export type { BatchSizeTest, FindBatchSizeOptions } from './core/training/find-batch-size.js';
export type { FindLearningRateOptions, LearningRateTest } from './core/training/find-learning-rate.js';
export type { ResumeOptions } from './core/training/resume.js';
export { newestRun } from './core/training/run-folder.js';
export type { TrainModelOptions, TrainResult } from './core/training/train.js';
export type { VerifyOptions, VerifyResult } from './core/training/verify.js';
export { type CleanResult, parseRemovedKinds, type RemovedKind } from './core/validate/clean.js';
export type { Finding as DatasetFinding, FoundSample } from './core/validate/finding.js';
export {
  hasFindings,
  type ValidateOptions,
  type ValidationResult,
} from './core/validate/validate.js';
export { createRegistry } from './registry.js';
export {
  balanceDataset,
  compareDatasets,
  createServer,
  type EvaluatedModel,
  type EvaluateModelOptions,
  evaluateModel,
  findBatchSize,
  findLearningRate,
  type LibraryContext,
  loadModel,
  makeStack,
  previewBalance,
  previewCopies,
  replaySamples,
  resumeTraining,
  setUpGpu,
  trainModel,
  validateDataset,
  verifyTraining,
} from './with-plugins.js';
