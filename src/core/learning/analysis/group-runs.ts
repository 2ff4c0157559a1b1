import { groupBy } from '../../base/group-by.js';
import { numberSetting, type RecordedRun } from '../history/recorded-run.js';
import { mean, standardDeviation } from '../../base/statistics.js';
import { comparableSettings, differingPaths } from './settings.js';

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
export function groupRuns(scored: readonly ScoredRun[]): RunGroup[] {
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
