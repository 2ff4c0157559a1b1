import type { Context, Reporter } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { analyzeRun, judgedMetrics } from './analyze-run.js';
import { unknownMetric } from './bounds.js';
import { metricMode } from '../history/metric-names.js';
import { monitorOf } from '../history/metrics.js';
import type { RecordedRun } from '../history/recorded-run.js';
import { mean } from '../../base/statistics.js';
import { groupRuns, type RunGroup, type ScoredRun } from './group-runs.js';
import { type AdjustedTest, pairedTests, verdictOf } from './verdict.js';

/** The best group against another one, seed by seed. */
export interface GroupDuel {
  readonly first: string;
  readonly second: string;
  /** The seeds that both have. */
  readonly seeds: readonly number[];
  /** Value of the first less that of the second, over those seeds; null without one. */
  readonly meanDifference: number | null;
  /** Undefined where there are too few seeds to tell a difference from chance. */
  readonly test?: AdjustedTest;
  readonly verdict: string;
}

/** Groups of runs, ranked. Plain data. */
export interface RunComparison {
  readonly metric: string;
  readonly mode: 'min' | 'max';
  /** The best first. */
  readonly groups: readonly RunGroup[];
  /** Of the best group with each other one. */
  readonly duels: readonly GroupDuel[];
}

/** Ranks runs that were read; see `compareRuns`. */
export function compareRecordedRuns(
  runs: readonly RecordedRun[],
  metric: string | undefined,
  { reporter }: Context,
): RunComparison {
  const monitor = monitorOf(runs[0]!);
  const chosen = metric ?? monitor.metric;
  const scored = runs.flatMap((run) => scoredRun(run, chosen, reporter));
  const mode = metricMode(chosen) ?? (chosen === monitor.metric ? monitor.mode : undefined);
  if (mode === undefined) throw notAQuality(chosen);
  const sign = mode === 'min' ? 1 : -1;
  const groups = groupRuns(scored).sort((a, b) => sign * (a.mean - b.mean));
  return { metric: chosen, mode, groups, duels: duelsOf(groups, chosen) };
}

/** None of a run that has no finite value of the metric, which is told. */
function scoredRun(run: RecordedRun, metric: string, reporter: Reporter | undefined): ScoredRun[] {
  const metrics = judgedMetrics(analyzeRun(run));
  const value = metrics.get(metric);
  if (value === undefined) throw unknownMetric(metric, run.name, [...metrics.keys()]);
  if (value !== null) return [{ run, value }];
  reporter?.report({ type: 'warning', message: `${run.name} has no finite ${metric}; it is left out.` });
  return [];
}

function notAQuality(metric: string): RobleError {
  return new RobleError(
    'ROBLE_USAGE',
    `Runs cannot be ranked by "${metric}": neither more nor less of it is better.`,
    {
      received: metric,
      expected: 'a loss, an error or an accuracy',
    },
  );
}

function duelsOf([best, ...others]: readonly RunGroup[], metric: string): GroupDuel[] {
  const pairs = others.map((other) => ({ other, ...pairBySeed(best!, other) }));
  const tests = pairedTests(pairs.map(({ differences }) => differences));
  return pairs.map(({ other, seeds, differences }, i) => {
    const test = tests[i];
    return {
      first: best!.label,
      second: other.label,
      seeds,
      meanDifference: differences.length === 0 ? null : mean(differences),
      ...(test && { test }),
      verdict: verdictOf(best!.label, differences, test, metric),
    };
  });
}

function pairBySeed(first: RunGroup, second: RunGroup): { seeds: number[]; differences: number[] } {
  const values = new Map(second.seeds.map(({ seed, value }) => [seed, value]));
  const common = first.seeds.filter(({ seed }) => seed !== null && values.has(seed));
  return {
    seeds: common.map(({ seed }) => seed!),
    differences: common.map(({ seed, value }) => value - values.get(seed)!),
  };
}
