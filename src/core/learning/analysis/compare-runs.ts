import { groupBy } from '../../base/collections.js';
import type { Context, Reporter } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { mean, standardDeviation } from '../../base/statistics.js';
import { metricMode, monitorOf } from '../history/metrics.js';
import { numberSetting, type RecordedRun } from '../history/recorded-run.js';
import { analyzeRun, judgedMetrics } from './analyze-run.js';
import { unknownMetric } from './bounds.js';
import { type AdjustedTest, pairedTests, verdictOf } from './paired-tests.js';

/** The best group against another one, seed by seed. */
export interface GroupDuel {
  readonly first: string;
  readonly second: string;
  /** The seeds that both have. */
  readonly seeds: readonly number[];
  /** Value of the first less that of the second, over those seeds; null without one. */
  readonly meanDifference: number | null;
  /** Undefined where there are too few seeds to distinguish a difference from chance. */
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

/** The run with its value; none, and a warning, where it has no finite value of the metric. */
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

/** A run with the value by which it is compared. */
export interface ScoredRun {
  readonly run: RecordedRun;
  readonly value: number;
}

/** Runs that differ in nothing but their seed. */
export interface RunGroup {
  /** The settings that only this group has, or the name of its run. */
  readonly label: string;
  readonly runs: readonly {
    readonly name: string;
    readonly path: string;
    readonly seed: number | null;
    readonly value: number;
  }[];
  /** The value of each seed; of runs with the same one, the mean. */
  readonly seeds: readonly { readonly seed: number | null; readonly value: number }[];
  /** Over the seeds. */
  readonly mean: number;
  /** Null of a single seed. */
  readonly standardDeviation: number | null;
  /** Its values of the settings in which the groups differ; null where it has none. */
  readonly settings: Readonly<Record<string, string | null>>;
}

/** Groups runs by their settings. Of files of other programs no settings are known: each is a group of its own. */
function groupRuns(scored: readonly ScoredRun[]): RunGroup[] {
  const buckets = new Map<string, { settings: ReadonlyMap<string, string>; runs: ScoredRun[] }>();
  for (const entry of scored) {
    const settings = comparableSettings(entry.run);
    const key = entry.run.format === 'roble' ? JSON.stringify([...settings].sort()) : entry.run.path;
    const bucket = buckets.get(key) ?? { settings, runs: [] };
    bucket.runs.push(entry);
    buckets.set(key, bucket);
  }
  const known = [...buckets.values()].filter(({ settings }) => settings.size > 0);
  const paths = differingPaths(known.map(({ settings }) => settings));
  return [...buckets.values()].map(({ settings, runs }) => {
    const own =
      settings.size === 0 ? {} : Object.fromEntries(paths.map((path) => [path, settings.get(path) ?? null]));
    return group(runs, own);
  });
}

function group(scored: readonly ScoredRun[], settings: RunGroup['settings']): RunGroup {
  const runs = scored.map(({ run, value }) => ({
    name: run.name,
    path: run.path,
    seed: numberSetting(run, 'train.seed') ?? null,
    value,
  }));
  const seeds = valuesBySeed(runs);
  const values = seeds.map(({ value }) => value);
  return {
    label: labelOf(settings) ?? runs[0]!.name,
    runs,
    seeds,
    mean: mean(values),
    standardDeviation: standardDeviation(values) ?? null,
    settings,
  };
}

/** The same seed gives the same run: to count it twice would make chance look like evidence. */
function valuesBySeed(runs: RunGroup['runs']): RunGroup['seeds'] {
  return [...groupBy(runs, ({ seed }) => seed)].map(([seed, list]) => ({
    seed,
    value: mean(list.map(({ value }) => value)),
  }));
}

/** More settings than these do not make a name. */
const NAMING_SETTINGS = 2;

function labelOf(settings: RunGroup['settings']): string | undefined {
  const entries = Object.entries(settings);
  if (entries.length === 0 || entries.length > NAMING_SETTINGS) return undefined;
  return entries.map(([path, value]) => `${path.split('.').at(-1)}=${value ?? 'none'}`).join(' ');
}

/** Settings that say where a run lies and how it is kept safe, and change nothing that it computes. */
const WITHOUT_EFFECT =
  /^(id|name|run|train\.(seed|keepCheckpoints|checkpointEverySteps|checkpointEverySeconds|checkpointFallback|retry\..*))$/;

/** What a run computes with, by dotted path, apart from its seed. Lists of plain values are one value. */
export function comparableSettings({ settings }: Pick<RecordedRun, 'settings'>): Map<string, string> {
  const leaves = new Map<string, string>();
  collectLeaves(settings, '', leaves);
  // The fingerprint identifies data better than the folders, which may have been moved.
  if (leaves.has('dataFingerprint')) for (const path of ['dataset', 'validation']) leaves.delete(path);
  for (const path of [...leaves.keys()]) if (WITHOUT_EFFECT.test(path)) leaves.delete(path);
  return leaves;
}

function collectLeaves(value: unknown, path: string, leaves: Map<string, string>): void {
  const isNested =
    typeof value === 'object' &&
    value !== null &&
    (!Array.isArray(value) || value.some((item) => typeof item === 'object'));
  if (!isNested) {
    leaves.set(path, typeof value === 'string' ? value : JSON.stringify(value));
    return;
  }
  for (const [key, inner] of Object.entries(value))
    collectLeaves(inner, path === '' ? key : `${path}.${key}`, leaves);
}

/** The paths at which not all of the settings have the same value, in their order. */
export function differingPaths(settings: readonly ReadonlyMap<string, string>[]): string[] {
  const paths = new Set(settings.flatMap((leaves) => [...leaves.keys()]));
  return [...paths].filter((path) => new Set(settings.map((leaves) => leaves.get(path))).size > 1);
}
