import { RobleError } from '../../base/errors.js';

/** How a number of steps is spent, in every run alike. */
export interface Budget {
  readonly steps: number;
  /** How often the model is evaluated, the last time at the end: the `epochs` of the run. */
  readonly evaluations: number;
  /** Steps before each evaluation: the `maxStepsPerEpoch` of the run. */
  readonly stepsBetween: number;
}

/**
 * Divides steps evenly between evaluations, so that every run makes exactly these steps. No stretch may be longer than
 * an epoch of any of the data sets, because an epoch ends there at the latest; where it would be, there are more
 * evaluations than were asked for, at most twice as many as are needed.
 *
 * @param shortestEpoch whole batches in the smallest of the training splits
 * @throws {RobleError} `ROBLE_USAGE` for a number of steps that cannot be divided so
 * @example
 * budgetOf(1000, 10, 37); // { steps: 1000, evaluations: 40, stepsBetween: 25 }
 */
export function budgetOf(steps: number, evaluations: number, shortestEpoch: number): Budget {
  if (evaluations > steps)
    throw new RobleError('ROBLE_USAGE', 'There are more evaluations than steps.', {
      received: `${evaluations} evaluations in ${steps} steps`,
      expected: 'at least one step for each evaluation',
    });
  const needed = Math.max(evaluations, Math.ceil(steps / shortestEpoch));
  for (let count = needed; count <= Math.min(2 * needed, steps); count++)
    if (steps % count === 0) return { steps, evaluations: count, stepsBetween: steps / count };
  throw new RobleError('ROBLE_USAGE', `${steps} steps cannot be divided evenly between the evaluations.`, {
    received: steps,
    expected: `a multiple of a number from ${needed} to ${2 * needed}: an epoch of the smallest data set has ${shortestEpoch} steps`,
    nextSteps: [`Give --steps ${needed * Math.floor(steps / needed)}.`],
  });
}
