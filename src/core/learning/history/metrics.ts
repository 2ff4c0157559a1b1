import { metricMode } from './metric-names.js';
import {
  curveOf,
  metricNames,
  metricOf,
  type RecordedEpoch,
  type RecordedRun,
  settingOf,
} from './recorded-run.js';

/** The metric by which epochs are compared, and which of its values are better. */
export interface MonitoredMetric {
  readonly metric: string;
  readonly mode: 'min' | 'max';
}

/** What is looked for in a history that does not say which metric decides. */
const USUAL = ['valAccuracy', 'valLoss', 'accuracy', 'loss'];

/** The metric that chose the exported epoch, or the first usual one that there is, or the last one of the record. */
export function monitorOf(run: RecordedRun): MonitoredMetric {
  const names = metricNames(run.epochs);
  const chosen = settingOf(run, 'train.monitor');
  const metric =
    typeof chosen === 'string'
      ? chosen
      : (USUAL.find((name) => names.includes(name)) ?? names.at(-1) ?? USUAL[0]!);
  return { metric, mode: metricMode(metric) ?? 'max' };
}

/** The best epoch; of equal ones the first, which is the one that training keeps. */
export function bestEpoch(
  epochs: readonly RecordedEpoch[],
  { metric, mode }: MonitoredMetric,
): RecordedEpoch | undefined {
  return bestBy(epochs, (epoch) => candidateValue(epoch.metrics, metric), mode);
}

/**
 * The value by which an epoch may be the best; undefined where there is none. Where the validation loss was recorded and
 * is no number, the outputs were none either, and what was counted from them says nothing.
 */
export function candidateValue(
  metrics: Readonly<Record<string, number | null>>,
  metric: string,
): number | undefined {
  const hasNoOutputs = Object.hasOwn(metrics, 'valLoss') && metricOf({ metrics }, 'valLoss') === undefined;
  return hasNoOutputs ? undefined : metricOf({ metrics }, metric);
}

/** The item with the best value, of equal ones the first; items without a value do not count. */
export function bestBy<Item>(
  items: readonly Item[],
  valueIn: (item: Item) => number | undefined,
  mode: 'min' | 'max',
): Item | undefined {
  let best: { readonly item: Item; readonly value: number } | undefined;
  for (const item of items) {
    const value = valueIn(item);
    if (value !== undefined && (!best || isBetter(value, best.value, mode))) best = { item, value };
  }
  return best?.item;
}

export function isBetter(value: number, than: number, mode: 'min' | 'max'): boolean {
  return mode === 'min' ? value < than : value > than;
}

/** The curve of the monitored metric, turned so that larger is better. */
export function qualityCurve(
  epochs: readonly RecordedEpoch[],
  { metric, mode }: MonitoredMetric,
): [epoch: number, quality: number][] {
  return curveOf(epochs, metric).map(([epoch, value]) => [epoch, mode === 'min' ? -value : value]);
}
