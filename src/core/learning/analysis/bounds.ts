import { RobleError } from '../../base/errors.js';
import { didYouMean } from '../../base/text/text.js';

/** What a metric must reach, or must not exceed. */
export interface Bound {
  readonly metric: string;
  /** `under`: a smaller value fails; `over`: a larger one does. */
  readonly failsWhen: 'under' | 'over';
  readonly limit: number;
}

export interface BoundResult extends Bound {
  /** Name of the run. */
  readonly run: string;
  /** Null when the run has no finite value at its best epoch; then the bound is not met. */
  readonly value: number | null;
  readonly met: boolean;
}

/**
 * A bound from the command line: `valAccuracy=0.8`.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseBound(text: string, failsWhen: Bound['failsWhen']): Bound {
  const [metric = '', limit = ''] = text.split('=', 2).map((part) => part.trim());
  const number = limit === '' ? Number.NaN : Number(limit);
  if (metric !== '' && Number.isFinite(number)) return { metric, failsWhen, limit: number };
  throw new RobleError('ROBLE_USAGE', `--fail-${failsWhen} needs a metric and a number.`, {
    received: text,
    expected: 'METRIC=NUMBER, such as valAccuracy=0.8',
  });
}

/**
 * Holds the metrics of a run against bounds.
 *
 * @param metrics of the best epoch and its evaluation, by name
 * @throws {RobleError} `ROBLE_USAGE` when the run has no such metric
 */
export function checkBounds(
  run: string,
  metrics: ReadonlyMap<string, number | null>,
  bounds: readonly Bound[],
): BoundResult[] {
  return bounds.map((bound) => {
    const value = metrics.get(bound.metric);
    if (value === undefined) throw unknownMetric(bound.metric, run, [...metrics.keys()]);
    const met = value !== null && (bound.failsWhen === 'under' ? value >= bound.limit : value <= bound.limit);
    return { run, ...bound, value, met };
  });
}

export function unknownMetric(metric: string, run: string, known: readonly string[]): RobleError {
  return new RobleError('ROBLE_USAGE', `${run} has no metric "${metric}".`, {
    received: metric,
    expected: known.length > 0 ? `one of ${known.join(', ')}` : 'a run with a complete epoch',
    nextSteps: didYouMean(metric, known),
  });
}
