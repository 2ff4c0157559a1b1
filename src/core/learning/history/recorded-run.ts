import type { EvaluationReport, HistoryEvent } from './record.js';

/** The metrics of one epoch by their names. Null is what was recorded and is not a finite number. */
export interface RecordedEpoch {
  /** Counts from 1. */
  readonly epoch: number;
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** Where a history came from: a run of roble, or a file of another program as columns or as a list of epochs. */
export type HistoryFormat = 'roble' | 'columns' | 'epochs';

/** What is known about a run, in one form for every source. */
export interface RecordedRun {
  /** As it was named. */
  readonly path: string;
  /** The last part of the path that tells runs apart. */
  readonly name: string;
  readonly format: HistoryFormat;
  readonly epochs: readonly RecordedEpoch[];
  /** What the run was asked to do; empty for a file of another program. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly events: readonly HistoryEvent[];
  readonly evaluation?: EvaluationReport;
  /** The contact sheet of the most certain mistakes. */
  readonly mistakesFile?: string;
}

/**
 * Training computes in float32, from 1.4e-45 to 3.4e38. What is far beyond is no result, or 0; to compute with it would
 * overflow.
 */
const LARGEST = 1e100;
const SMALLEST = 1e-100;

/** The value of a metric, or undefined when there is no finite one. */
export function metricOf(
  epoch: Pick<RecordedEpoch, 'metrics'> | undefined,
  name: string,
): number | undefined {
  // Names come from files and from the command line; "constructor" is none.
  const value = epoch && Object.hasOwn(epoch.metrics, name) ? epoch.metrics[name] : undefined;
  if (typeof value !== 'number' || !(Math.abs(value) <= LARGEST)) return undefined;
  return Math.abs(value) < SMALLEST ? 0 : value;
}

/** The epochs of a run that have a finite value of a metric, as [epoch, value]. */
export function curveOf(epochs: readonly RecordedEpoch[], name: string): [epoch: number, value: number][] {
  return epochs.flatMap((epoch): [number, number][] => {
    const value = metricOf(epoch, name);
    return value === undefined ? [] : [[epoch.epoch, value]];
  });
}

/** The names of all metrics, in the order of their first appearance. */
export function metricNames(epochs: readonly RecordedEpoch[]): string[] {
  return [...new Set(epochs.flatMap(({ metrics }) => Object.keys(metrics)))];
}

/** A setting by its dotted path, such as `train.learningRate`; undefined when the run does not say. */
export function settingOf({ settings }: Pick<RecordedRun, 'settings'>, path: string): unknown {
  let value: unknown = settings;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** A setting that is a number; undefined when the run does not say. */
export function numberSetting(run: Pick<RecordedRun, 'settings'>, path: string): number | undefined {
  const value = settingOf(run, path);
  return typeof value === 'number' ? value : undefined;
}
