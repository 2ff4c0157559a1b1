import { type Bound, type BoundResult, checkBounds, unknownMetric } from '../analysis/bounds.js';
import type { Evaluation } from './result.js';

/** Short names of metrics. */
const SHORT = new Map([
  ['balanced', 'balancedAccuracy'],
  ['known', 'knownAccuracy'],
  ['folded', 'foldedAccuracy'],
  ['f1', 'macroF1'],
  ['nll', 'loss'],
  ['brier', 'brierScore'],
  ['ece', 'expectedCalibrationError'],
]);

/** Bounds with the full names of their metrics. */
export function fullyNamed(bounds: readonly Bound[]): Bound[] {
  return bounds.map((bound) => ({
    ...bound,
    metric: SHORT.get(bound.metric) ?? bound.metric.replace(/^(top\d+)$/, '$1Accuracy'),
  }));
}

/** The k of the top-k accuracies that bounds are about. */
export function boundedTopK(bounds: readonly Bound[]): number[] {
  return bounds.flatMap(({ metric }) => {
    const [, k] = /^top([1-9]\d{0,5})Accuracy$/.exec(metric) ?? [];
    return k === undefined ? [] : [Number(k)];
  });
}

type Reading = (evaluation: Evaluation, leftOut: number) => number | null | undefined;

/** The metrics by name; of what was left out, of unknown labels and of answers that are none, the shares. */
const METRICS: ReadonlyMap<string, Reading> = new Map<string, Reading>([
  ['accuracy', ({ accuracy }) => accuracy],
  ['balancedAccuracy', ({ balancedAccuracy }) => balancedAccuracy],
  ['macroF1', ({ macroF1 }) => macroF1],
  ['foldedAccuracy', ({ foldedAccuracy }) => foldedAccuracy],
  ['knownAccuracy', ({ knownAccuracy }) => knownAccuracy],
  ['loss', ({ loss }) => loss],
  ['brierScore', ({ brierScore }) => brierScore],
  ['expectedCalibrationError', ({ expectedCalibrationError }) => expectedCalibrationError],
  ['imagesPerSecond', ({ imagesPerSecond }) => imagesPerSecond],
  ['leftOut', ({ count }, leftOut) => leftOut / (leftOut + count)],
  ['unknown', ({ unknown, count }) => unknown / count],
  ['nonFinite', ({ nonFinite, count }) => nonFinite / count],
]);

/**
 * Holds an evaluation against bounds.
 *
 * @param name of what was evaluated
 * @throws {RobleError} `ROBLE_USAGE` for a metric that there is not
 */
export function boundResults(
  name: string,
  evaluation: Evaluation,
  leftOut: number,
  bounds: readonly Bound[],
): BoundResult[] {
  const metrics = new Map<string, number | null>(
    evaluation.topK.map(({ k, accuracy }) => [`top${k}Accuracy`, accuracy]),
  );
  for (const [metric, read] of METRICS) {
    const value = read(evaluation, leftOut);
    if (value !== undefined) metrics.set(metric, value);
  }
  return checkBounds(name, metrics, bounds);
}

/**
 * Refuses, before a long work, bounds that could not be judged after it.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function checkMetrics(bounds: readonly Bound[], hasTwins: boolean): void {
  const known = [...METRICS.keys(), 'top3Accuracy'].filter((name) => hasTwins || name !== 'foldedAccuracy');
  for (const bound of bounds)
    if (!known.includes(bound.metric) && boundedTopK([bound]).length === 0)
      throw unknownMetric(bound.metric, 'An evaluation', known);
}
