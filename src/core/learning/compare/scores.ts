import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { mean, standardDeviation } from '../../base/statistics.js';
import { didYouMean } from '../../base/text/text.js';
import { type Bound, type BoundResult, checkBounds, unknownMetric } from '../analysis/bounds.js';
import { type AdjustedTest, pairedTests, verdictOf } from '../analysis/paired-tests.js';
import { loadEvaluation } from '../history/load-runs.js';
import { readHistory } from '../history/read-run.js';
import { type EvaluationReport, RUN_FILES } from '../history/record.js';
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
      nextSteps: ['Remove the folder, and give the command again: it trains this run again.'],
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

/** What the mean of a metric of a condition must reach, or must not exceed. */
export interface ConditionBound {
  readonly condition: string;
  readonly bound: Bound;
}

/**
 * Bounds whose metrics are written `CONDITION.METRIC`, such as `balanced.rareRecall`. Read before anything is trained, so
 * that a wrong name does not cost hours.
 *
 * @throws {RobleError} `ROBLE_USAGE` for an unknown condition or metric
 */
export function conditionBounds(
  bounds: readonly Bound[],
  conditions: readonly string[],
  metrics: readonly ComparedMetric[],
): ConditionBound[] {
  return bounds.map((bound) => {
    const [condition = '', metric = ''] = bound.metric.split('.', 2);
    if (!conditions.includes(condition))
      throw new RobleError('ROBLE_USAGE', `There is no condition "${condition}" to hold against a bound.`, {
        received: bound.metric,
        expected: `NAME.METRIC, where NAME is one of ${conditions.join(', ')}`,
        nextSteps: didYouMean(condition, conditions),
      });
    if (!metrics.some((known) => known === metric)) throw unknownMetric(metric, condition, metrics);
    return { condition, bound: { ...bound, metric } };
  });
}

/** Holds the means against the bounds. */
export function checkConditionBounds(
  bounds: readonly ConditionBound[],
  summaries: readonly ConditionSummary[],
): BoundResult[] {
  return bounds.flatMap(({ condition, bound }) => {
    const summary = summaries.find(({ name }) => name === condition)!;
    const value = summary.metrics[bound.metric as ComparedMetric]?.mean ?? null;
    return checkBounds(condition, new Map([[bound.metric, value]]), [bound]);
  });
}

/** A number over the seeds. */
export interface SeedSummary {
  readonly mean: number;
  /** The sample standard deviation; null of a single seed. */
  readonly standardDeviation: number | null;
  /** In the order of the seeds. */
  readonly values: readonly number[];
}

/** A condition against the first one, seed by seed. */
export interface Difference {
  /** Value of the condition less that of the first. */
  readonly meanDifference: number;
  /** Undefined where there are too few seeds to distinguish a difference from chance. */
  readonly test?: AdjustedTest;
  readonly verdict: string;
}

export interface ConditionSummary {
  readonly name: string;
  readonly metrics: Readonly<Partial<Record<ComparedMetric, SeedSummary>>>;
  readonly trainSeconds: SeedSummary;
  /** None of the first condition. */
  readonly differences: Readonly<Partial<Record<ComparedMetric, Difference>>>;
  readonly runs: readonly Omit<RunScore, 'condition'>[];
}

/**
 * The scores of each condition over its seeds, and how they differ from the first one's by Student's paired t-test. The
 * p values are raised for the number of conditions (Holm 1979), not for the number of metrics.
 *
 * @param scores of every condition the same seeds, in the same order
 */
export function summarize(names: readonly string[], scores: readonly RunScore[]): ConditionSummary[] {
  const groups = names.map((name) => scores.filter(({ condition }) => condition === name));
  const metrics = COMPARED_METRICS.filter((metric) =>
    scores.every((score) => score.metrics[metric] !== undefined),
  );
  const differences = new Map(metrics.map((metric) => [metric, differencesOf(names, groups, metric)]));
  return groups.map((runs, i) => ({
    name: names[i]!,
    metrics: Object.fromEntries(metrics.map((metric) => [metric, summaryOf(valuesOf(runs, metric))])),
    trainSeconds: summaryOf(runs.map(({ trainSeconds }) => trainSeconds)),
    differences:
      i === 0 ? {} : Object.fromEntries(metrics.map((metric) => [metric, differences.get(metric)![i - 1]!])),
    runs: runs.map(({ condition: _, ...run }) => run),
  }));
}

function valuesOf(runs: readonly RunScore[], metric: ComparedMetric): number[] {
  return runs.map(({ metrics }) => metrics[metric]!);
}

function summaryOf(values: readonly number[]): SeedSummary {
  return { mean: mean(values), standardDeviation: standardDeviation(values) ?? null, values };
}

/** Of each condition but the first. */
function differencesOf(
  names: readonly string[],
  [first, ...others]: readonly (readonly RunScore[])[],
  metric: ComparedMetric,
): Difference[] {
  const baseline = valuesOf(first!, metric);
  const lists = others.map((runs) => valuesOf(runs, metric).map((value, seed) => value - baseline[seed]!));
  const tests = pairedTests(lists);
  return lists.map((list, i) => {
    const [test, meanDifference] = [tests[i], mean(list)];
    const better = meanDifference > 0 ? names[i + 1]! : names[0]!;
    return { meanDifference, ...(test && { test }), verdict: verdictOf(better, list, test, metric) };
  });
}

/** The share of the classes that is called rare. */
const RARE_SHARE = 0.25;

/**
 * The rarest quarter of the classes: with counts in ascending order, every class whose count is at most that of the
 * class in place `ceil(classes / 4)`. Classes that are as rare as that one are all among them, so that no choice
 * between equals is made; of a balanced data set they are all classes.
 *
 * @param perClass samples of each class
 * @returns indices into the classes, in their order
 * @example
 * rareClasses([700, 20, 700, 30, 20, 500, 700, 700]); // [1, 4]
 */
export function rareClasses(perClass: readonly number[]): number[] {
  const ascending = [...perClass].sort((a, b) => a - b);
  const limit = ascending[Math.ceil(perClass.length * RARE_SHARE) - 1]!;
  return perClass.flatMap((count, index) => (count <= limit ? [index] : []));
}
