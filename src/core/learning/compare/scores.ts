import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { loadEvaluation } from '../history/load-evaluation.js';
import { readHistory } from '../history/read-run.js';
import { type EvaluationReport, RUN_FILES } from '../history/record.js';
import { mean } from '../../base/statistics.js';
import type { PlannedRun } from './plan.js';

/**
 * What models are compared by, all of the best epoch on the judging data: the share that is right, the mean recall of
 * the classes, the share that is right when look-alikes (`train.twins`) count as one, and the mean recall of the rare
 * classes.
 */
export const COMPARED_METRICS = ['accuracy', 'balancedAccuracy', 'foldedAccuracy', 'rareRecall'] as const;
export type ComparedMetric = (typeof COMPARED_METRICS)[number];

/** What a finished run has come to. */
export interface RunScore {
  readonly condition: string;
  readonly seed: number;
  /** Its folder. */
  readonly run: string;
  /** Steps that it made. */
  readonly steps: number;
  readonly bestEpoch: number;
  /** Evaluation not counted. */
  readonly trainSeconds: number;
  /** What there is nothing to compute from is left out. */
  readonly metrics: Readonly<Partial<Record<ComparedMetric, number>>>;
}

/**
 * @param rare indices of the rare classes
 * @throws {RobleError} `ROBLE_RUN_INVALID` when the run has no evaluation that can be read
 */
export async function scoreOf(run: PlannedRun, rare: readonly number[]): Promise<RunScore> {
  const { condition, seed, folder } = run;
  const { epochs } = await readHistory(folder);
  let trouble = 'no such file';
  const evaluation = await loadEvaluation(folder, (message) => {
    trouble = message;
  });
  if (!evaluation || epochs.length === 0)
    throw new RobleError('ROBLE_RUN_INVALID', `The finished run ${folder} has no evaluation.`, {
      received: trouble,
      expected: join(folder, RUN_FILES.evaluation),
      nextSteps: ['Remove the folder, and give the command again: it trains this run anew.'],
    });
  return {
    condition,
    seed,
    run: folder,
    steps: epochs.at(-1)!.step,
    bestEpoch: evaluation.epoch,
    trainSeconds: epochs.reduce((sum, { trainSeconds }) => sum + trainSeconds, 0),
    metrics: metricsOf(evaluation, rare),
  };
}

function metricsOf(evaluation: EvaluationReport, rare: readonly number[]): RunScore['metrics'] {
  const { accuracy, balancedAccuracy, foldedAccuracy, perClass } = evaluation;
  const recalls = rare.flatMap((index) => perClass[index]!.recall ?? []);
  return {
    accuracy,
    balancedAccuracy,
    ...(foldedAccuracy !== undefined && { foldedAccuracy }),
    ...(recalls.length > 0 && { rareRecall: mean(recalls) }),
  };
}
