import { RobleError } from '../../base/errors.js';
import { type Bound, type BoundResult, checkBounds, unknownMetric } from '../analysis/bounds.js';
import { didYouMean } from '../../base/text.js';
import type { ComparedMetric } from './scores.js';
import type { ConditionSummary } from './summarize.js';

/** What the mean of a metric of a condition must reach, or must not exceed. */
export interface ConditionBound {
  readonly condition: string;
  readonly bound: Bound;
}

/**
 * Bounds whose metrics are written `CONDITION.METRIC`, such as `balanced.rareRecall`. Read before anything is trained, so
 * that a wrong name does not cost hours.
 *
 * @throws {RobleError} `ROBLE_USAGE` for an unknown condition or metric
 */
export function conditionBounds(
  bounds: readonly Bound[],
  conditions: readonly string[],
  metrics: readonly ComparedMetric[],
): ConditionBound[] {
  return bounds.map((bound) => {
    const [condition = '', metric = ''] = bound.metric.split('.', 2);
    if (!conditions.includes(condition))
      throw new RobleError('ROBLE_USAGE', `There is no condition "${condition}" to hold against a bound.`, {
        received: bound.metric,
        expected: `NAME.METRIC, where NAME is one of ${conditions.join(', ')}`,
        nextSteps: didYouMean(condition, conditions),
      });
    if (!metrics.some((known) => known === metric)) throw unknownMetric(metric, condition, metrics);
    return { condition, bound: { ...bound, metric } };
  });
}

/** Holds the means against the bounds. */
export function checkConditionBounds(
  bounds: readonly ConditionBound[],
  summaries: readonly ConditionSummary[],
): BoundResult[] {
  return bounds.flatMap(({ condition, bound }) => {
    const summary = summaries.find(({ name }) => name === condition)!;
    const value = summary.metrics[bound.metric as ComparedMetric]?.mean ?? null;
    return checkBounds(condition, new Map([[bound.metric, value]]), [bound]);
  });
}
