import { groupBy } from '../../base/collections.js';
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

/** Events that every run has say nothing about this one. */
const ORDINARY: readonly HistoryEvent['event'][] = ['started', 'completed'];

/** All events of one kind, under the letter that marks them in plots. */
export interface EventMark {
  readonly letter: string;
  readonly name: HistoryEvent['event'];
  readonly steps: readonly number[];
  /** What the last of them says. */
  readonly detail?: string;
}

/** The events that are worth a mark, by kind, in the order of their first. */
export function eventMarks(events: readonly HistoryEvent[]): EventMark[] {
  const kinds = groupBy(events, ({ event }) => (ORDINARY.includes(event) ? undefined : event));
  return [...kinds].map(([name, list], i) => {
    const detail = list.at(-1)!.detail;
    return {
      letter: String.fromCodePoint('a'.codePointAt(0)! + i),
      name,
      steps: list.map(({ step }) => step),
      ...(detail !== undefined && { detail }),
    };
  });
}

/** Where a step lies on an axis of epochs: epoch 2 ends at 2, so that half of it is 1.5. */
export function epochOfStep(epochs: readonly RecordedEpoch[], step: number): number {
  const ends: [epoch: number, step: number][] = [[0, 0], ...curveOf(epochs, 'step')];
  const next = ends.findIndex(([, end]) => end >= step);
  if (next === 0 || ends.length === 1) return 0;
  // Beyond the last complete epoch, steps are taken to be as many as in that one.
  const index = next === -1 ? ends.length - 1 : next;
  const [[epochBefore, stepBefore], [epoch, end]] = [ends[index - 1]!, ends[index]!];
  const epochsPerStep = end > stepBefore ? (epoch - epochBefore) / (end - stepBefore) : 0;
  return Math.min(epoch + 1, epochBefore + (step - stepBefore) * epochsPerStep);
}
