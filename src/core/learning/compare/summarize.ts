import { type AdjustedTest, pairedTests, verdictOf } from '../analysis/verdict.js';
import { mean, standardDeviation } from '../../base/statistics.js';
import { COMPARED_METRICS, type ComparedMetric, type RunScore } from './scores.js';

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
  /** Undefined where there are too few seeds to tell a difference from chance. */
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
