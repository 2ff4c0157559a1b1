import { join } from 'node:path';
import type { TrainOptions } from '../../config/schema.js';
import { type Dataset, splitOf } from '../../data/dataset/open.js';
import type { Layer } from '../../model/spec.js';
import { stepsPerEpochOf } from '../training/batches/batch.js';
import { openRunData } from '../training/run/run-data.js';
import type { Budget } from './budget.js';
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
