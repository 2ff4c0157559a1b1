import { Random } from '../../../base/random.js';
import type { SampleProvenance } from '../../../data/dataset/format.js';
import { FeatureReader, type FeatureTable, viewsOf } from '../../../data/features/feature-table.js';
import type { TrainingState } from '../../../plugin/contracts.js';
import type { PluginRegistry } from '../../../plugin/registry.js';
import { stepsPerEpochOf } from '../batches/batch.js';
import { evaluateSplit, featureSamples } from '../evaluation/stream-predictions.js';
import { learningRateFactor } from '../policies/schedule.js';
import { openSession, type TrainingSubject } from '../run/start.js';
import { type Surroundings, withStoppableStep } from './features.js';

const FOLDS = 5;
/** From little to so much that only the strongest features are left. */
const CANDIDATES = [0.3, 1, 3, 10] as const;
/** Steps of one training: those of more data are as many passes as fit into these. */
const MOST_STEPS = 2000;

export interface WeightDecayChoice {
  readonly weightDecay: number;
  /** Mean loss on the samples that were left out, by candidate. */
  readonly losses: readonly (readonly [weightDecay: number, loss: number])[];
}

/**
 * The weight decay of a head, by cross-validation on the training pictures: of some, the one whose heads had the smallest
 * mean loss on the fifth of the samples that they had not seen. Samples of one group, and copies of one picture, are in the
 * same fifth. The validation split has no part in it.
 *
 * @param state the first state of the run
 * @returns undefined when asked to stop
 */
export async function chooseWeightDecay(
  subject: TrainingSubject & { readonly features: FeatureTable },
  state: TrainingState,
  provenance: AsyncIterable<SampleProvenance>,
  registry: PluginRegistry,
  { report, shouldStop }: Pick<Surroundings, 'report' | 'shouldStop'>,
): Promise<WeightDecayChoice | undefined> {
  const { labels } = subject.training;
  const folds = await foldsOf(labels, provenance, subject.train.seed);
  const total = CANDIDATES.length * FOLDS;
  let done = 0;
  return withStoppableStep({ report }, 'head', 'Choosing the weight decay', async () => {
    const losses: [number, number][] = [];
    for (const weightDecay of CANDIDATES) {
      let sum = 0;
      for (let fold = 0; fold < FOLDS; fold++) {
        if (shouldStop()) return undefined;
        const left = indicesWhere(folds, (of) => of === fold);
        const trained = trainOn(
          subject,
          weightDecay,
          indicesWhere(folds, (of) => of !== fold),
        );
        sum +=
          left.length *
          (await lossOn(trained, state, someRows(subject.features, left), pick(labels, left), registry));
        report({ type: 'progress', id: 'head', done: ++done, total, unit: 'trainings' });
      }
      losses.push([weightDecay, sum / labels.length]);
    }
    const finite = losses.filter(([, loss]) => Number.isFinite(loss));
    const [weightDecay] = finite.length > 0 ? finite.reduce((a, b) => (b[1] < a[1] ? b : a)) : losses.at(-1)!;
    return { weightDecay, losses };
  });
}

/** The fold of each sample: every class spread as evenly as its groups allow. */
async function foldsOf(
  labels: Uint16Array,
  provenance: AsyncIterable<SampleProvenance>,
  seed: number,
): Promise<Uint8Array> {
  const groups = new Map<string, number[]>();
  let index = 0;
  for await (const { group, copy, sha256, source } of provenance) {
    const key = group !== undefined ? `group ${group}` : (copy?.of ?? sha256 ?? `${source} ${index}`);
    groups.set(key, [...(groups.get(key) ?? []), index++]);
  }
  const sizes = new Map<number, number[]>();
  const folds = new Uint8Array(labels.length);
  const units = [...groups.values()];
  for (const unit of new Random(seed, 'split').permutation(units.length)) {
    const members = units[unit]!;
    const label = labels[members[0]!]!;
    const counts = sizes.get(label) ?? new Array<number>(FOLDS).fill(0);
    sizes.set(label, counts);
    const fold = counts.indexOf(Math.min(...counts));
    counts[fold]! += members.length;
    for (const sample of members) folds[sample] = fold;
  }
  return folds;
}

function indicesWhere(folds: Uint8Array, test: (fold: number) => boolean): Uint32Array {
  const indices: number[] = [];
  for (const [index, fold] of folds.entries()) if (test(fold)) indices.push(index);
  return Uint32Array.from(indices);
}

function pick(labels: Uint16Array, samples: Uint32Array): Uint16Array<SharedArrayBuffer> {
  const picked = new Uint16Array(new SharedArrayBuffer(2 * samples.length));
  for (const [i, sample] of samples.entries()) picked[i] = labels[sample]!;
  return picked;
}

/** The features of some samples, in every view. */
function someRows(table: FeatureTable, samples: Uint32Array): FeatureTable {
  const views = viewsOf(table);
  const rows = new Uint32Array(new SharedArrayBuffer(4 * views * samples.length));
  for (let view = 0; view < views; view++)
    for (const [i, sample] of samples.entries())
      rows[view * samples.length + i] = table.rows[view * table.count + sample]!;
  return { ...table, count: samples.length, rows };
}

type Trained = TrainingSubject & { readonly features: FeatureTable };

function trainOn(subject: Trained, weightDecay: number, samples: Uint32Array): Trained {
  const { train, training, features } = subject;
  const labels = pick(training.labels, samples);
  return {
    ...subject,
    training: { ...training, count: samples.length, labels },
    features: someRows(features, samples),
    train: {
      ...train,
      batchSize: Math.min(train.batchSize, samples.length),
      optimizer: { ...train.optimizer, weightDecay },
      emaDecay: 0,
    },
  };
}

/** The mean loss on other samples after a training as the run's, for at most {@link MOST_STEPS}. */
async function lossOn(
  subject: Trained,
  state: TrainingState,
  features: FeatureTable,
  labels: Uint16Array,
  registry: PluginRegistry,
): Promise<number> {
  const { train, network } = subject;
  const { session, batches, recipe } = await openSession(
    subject,
    { state, microbatchSize: train.batchSize, firstStep: 0 },
    registry,
  );
  const reader = new FeatureReader(features);
  try {
    const stepsPerEpoch = stepsPerEpochOf(recipe);
    const steps = Math.min(MOST_STEPS, stepsPerEpoch * train.epochs);
    for (let step = 0; step < steps; step++) {
      const learningRate =
        train.learningRate * learningRateFactor(train.schedule, step, stepsPerEpoch, steps);
      await session.step(await batches.next(), { learningRate });
    }
    const metrics = await evaluateSplit(session, featureSamples(reader, labels), network.classes, {
      batchSize: train.evaluationBatchSize,
      onBatch: () => true,
      onOutOfMemory: () => {},
    });
    return metrics!.valLoss;
  } finally {
    reader.close();
    await batches.close();
    await session.close();
  }
}
