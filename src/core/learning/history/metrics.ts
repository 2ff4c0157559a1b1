import { percent, points, short } from '../../base/text/text.js';
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

/** Words of metric names that other programs write shorter. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  acc: ['accuracy'],
  acc1: ['accuracy'],
  acc5: ['top5', 'accuracy'],
  lr: ['learning', 'rate'],
  grad: ['gradient'],
  valid: ['val'],
  validation: ['val'],
};

/** The words with which Keras says of what kind the labels are; the accuracy is the same. */
const KERAS_ACCURACY = /^(val)?(sparseCategorical|categorical|binary)Accuracy$/i;

/** The words of metrics that lose the prefix `train`, unlike `trainSeconds`, which is no metric of the training data. */
const MEASURED = /^(loss|accuracy|error|precision|recall|f1|auc|rate)$/;

/**
 * The name of roble for a key of any style: `val_acc`, `Validation Accuracy` and `val/acc` are `valAccuracy`,
 * `train_loss` is `loss`, `lr` is `learningRate`. Unknown words are kept.
 */
export function metricName(key: string): string {
  const words = wordsOf(key);
  const measured = words[0] === 'train' && words.slice(1).some((word) => MEASURED.test(word));
  const [first = '', ...rest] = measured ? words.slice(1) : words;
  const name = first + rest.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return name.replace(KERAS_ACCURACY, (_, val: string | undefined) => (val ? 'valAccuracy' : 'accuracy'));
}

function wordsOf(key: string): string[] {
  return key
    .replace(/(\p{Ll}|\d)(?=\p{Lu})/gu, '$1 ')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
    .flatMap((word) => (Object.hasOwn(WORDS, word) ? WORDS[word]! : [word]))
    .map((word, i) => (i === 0 && word === 'training' ? 'train' : word));
}

/** Whether smaller or larger values of a metric are better; undefined for what is no quality, such as a rate. */
export function metricMode(name: string): 'min' | 'max' | undefined {
  if (/(loss|error|perplexity|entropy)$/i.test(name)) return 'min';
  return isShare(name) ? 'max' : undefined;
}

/** Whether a metric is a share of 1. */
export function isShare(name: string): boolean {
  return /(accuracy|precision|recall|f1|auc)$/i.test(name);
}

/** A value of a metric: shares in percent. */
export function metricText(name: string, value: number): string {
  return isShare(name) ? percent(value) : short(value);
}

/** A difference of two values of a metric: of shares in points. */
export function differenceText(name: string, difference: number): string {
  return isShare(name) ? points(difference) : short(difference);
}

/** Epochs as `epoch 3`, `epochs 3 and 7`, or `epochs 3, 7, 9 and 4 more`. */
export function epochsText(epochs: readonly number[]): string {
  const shown = epochs.length > 4 ? epochs.slice(0, 3).map(String) : epochs.map(String);
  if (epochs.length > 4) shown.push(`${epochs.length - 3} more`);
  if (shown.length < 2) return `epoch ${shown.join('')}`;
  return `epochs ${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}
