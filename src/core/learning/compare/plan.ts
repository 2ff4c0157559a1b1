import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { type Dataset, splitOf } from '../../data/dataset/open.js';
import type { Layer } from '../../model/spec.js';
import type { TrainOptions } from '../settings.js';
import { stepsPerEpochOf } from '../training/batches/batch.js';
import { openRunData } from '../training/run/start.js';
import type { Condition } from './conditions.js';

/** One training of the comparison, in an ordinary run folder. */
export interface PlannedRun {
  readonly condition: string;
  readonly seed: number;
  readonly folder: string;
  readonly dataset: string;
  readonly validation: string;
  readonly layers: readonly Layer[];
  /** With the seed and the budget of the comparison. */
  readonly train: TrainOptions;
  /** Of the data sets together, as `openRunData` gives it. */
  readonly dataFingerprint: string;
}

/** Whole batches in the smallest of the training splits. */
export function shortestEpoch(conditions: readonly Condition[]): number {
  const steps = conditions.map(({ dataset, train }) => {
    const { count: length } = splitOf(dataset, 'train');
    return stepsPerEpochOf({ labels: { length }, batchSize: Math.min(train.batchSize, length), maxSteps: 0 });
  });
  return Math.min(...steps);
}

export interface PlanOptions {
  readonly conditions: readonly Condition[];
  readonly seeds: readonly number[];
  readonly budget: Budget;
  /** Its split `validation` judges all models. */
  readonly judge: Dataset;
  readonly layers: readonly Layer[];
  /** Folder of the runs. */
  readonly out: string;
}

/** All runs, seed after seed, so that the runs of a seed are complete before the next one begins. */
export async function planRuns(options: PlanOptions): Promise<PlannedRun[]> {
  const { conditions, seeds, budget, judge, layers, out } = options;
  const validation = judge.folder;
  const prepared: Omit<PlannedRun, 'seed' | 'folder'>[] = [];
  for (const { name, dataset, train } of conditions) {
    const data = { dataset: dataset.folder, validation };
    const { fingerprint } = await openRunData(data);
    prepared.push({ condition: name, ...data, layers, train, dataFingerprint: fingerprint });
  }
  return seeds.flatMap((seed) =>
    prepared.map((run) => ({
      ...run,
      seed,
      folder: join(out, run.condition, `seed-${seed}`),
      train: {
        ...run.train,
        seed,
        epochs: budget.evaluations,
        maxStepsPerEpoch: budget.stepsBetween,
        earlyStopping: { patience: 0, minDelta: 0, minEpochs: 0 },
      },
    })),
  );
}

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
