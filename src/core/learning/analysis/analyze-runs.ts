import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { loadRuns } from '../history/load-runs.js';
import type { RecordedRun } from '../history/recorded-run.js';
import { analyzeRun, judgedMetrics, type RunAnalysis } from './analyze-run.js';
import { type Bound, type BoundResult, checkBounds } from './bounds.js';
import { compareRecordedRuns, type RunComparison } from './compare-runs.js';

export interface AnalyzeRunsOptions {
  /** Run folders, or history files of roble, Keras, PyTorch programs and the like. */
  readonly runs: readonly string[];
  /** What metrics must reach, or must not exceed. */
  readonly bounds?: readonly Bound[];
  /** Rank the runs against each other, by this metric or by the one that they monitor. */
  readonly compare?: boolean | { readonly metric: string };
}

/** What runs show. Plain data. */
export interface HistoryAnalysis {
  readonly runs: readonly RunAnalysis[];
  /** Each bound for each run; not to be met is no error. */
  readonly bounds: readonly BoundResult[];
  readonly comparison?: RunComparison;
}

/** An analysis with the records that it was made of, in the order of its runs, as plots show them. */
export interface AnalyzedRuns extends HistoryAnalysis {
  readonly recorded: readonly RecordedRun[];
}

/**
 * Analyses the histories of runs: the best epoch, over-fitting, plateaus, instabilities, results by class, what to try
 * next and why.
 *
 * @throws {RobleError} `ROBLE_HISTORY_INVALID`, `ROBLE_FILE_NOT_FOUND`, and `ROBLE_USAGE` for a metric that a run does not
 *   have
 * @example
 * const { runs } = await analyzeRuns({ runs: ['runs/run-0001'] });
 * for (const { severity, message } of runs[0].findings) console.log(severity, message);
 */
export async function analyzeRuns(options: AnalyzeRunsOptions, context: Context = {}): Promise<AnalyzedRuns> {
  const { bounds = [], compare = false } = options;
  const recorded = await loadSome(options.runs, context);
  const runs = recorded.map(analyzeRun);
  const metric = typeof compare === 'object' ? compare.metric : undefined;
  const comparison = compare === false ? undefined : compareRecordedRuns(recorded, metric, context);
  return {
    runs,
    bounds: runs.flatMap((run) => checkBounds(run.name, judgedMetrics(run), bounds)),
    ...(comparison && { comparison }),
    recorded,
  };
}

/**
 * Ranks runs. Those that differ in their seed alone form a group; the best group is compared with each other one by
 * Student's paired t-test over their common seeds.
 *
 * @throws {RobleError} as `analyzeRuns`
 * @example
 * const { groups, duels } = await compareRuns({ runs: ['runs/a-0', 'runs/a-1', 'runs/b-0', 'runs/b-1'] });
 */
export async function compareRuns(
  options: { readonly runs: readonly string[]; readonly metric?: string },
  context: Context = {},
): Promise<RunComparison> {
  return compareRecordedRuns(await loadSome(options.runs, context), options.metric, context);
}

async function loadSome(paths: readonly string[], context: Context): Promise<RecordedRun[]> {
  if (paths.length > 0) return loadRuns(paths, context);
  throw new RobleError('ROBLE_USAGE', 'There is no run to analyse.', {
    expected: 'the folder of a run, or the file of a history',
  });
}
