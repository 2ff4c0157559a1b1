import { checked } from '../../base/schema/checked.js';
import { openDataset } from '../../data/dataset/open.js';
import type { StepMetrics, TrainingState } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { chooseDevice } from '../devices.js';
import { type ModelChoice, type TrainOptions, trainSchema } from '../settings.js';
import { askedMicrobatch } from '../training/policies/memory.js';
import { refuseBackbone } from '../training/run/backbone.js';
import { chosenLayers, loadSubject, openSession, type TrainingSubject } from '../training/run/start.js';
import { startingWeights } from '../training/run/starting-weights.js';

/** What is tried: the same choices as for a run. */
export interface TrialOptions {
  /** Folder of a data set with the split `train`. */
  readonly dataset: string;
  /** A preset or layers; by default those of the bundle `train.from`, or the preset `cnn-v2`. */
  readonly model?: ModelChoice | undefined;
  /** Everything else; what is left out has the defaults of the configuration. */
  readonly train?: Partial<TrainOptions>;
}

/** What trials train, and the state that each of them starts from. */
export interface TrialSubject extends TrainingSubject {
  readonly state: TrainingState;
  /** That of the options, which there may be too few samples for. */
  readonly configuredBatchSize: number;
}

/** @throws {RobleError} what a run with these options throws before its first step */
export async function openTrialSubject(
  options: TrialOptions,
  registry: PluginRegistry,
): Promise<TrialSubject> {
  const message = 'The training options are not valid.';
  const train = checked(trainSchema, options.train ?? {}, 'ROBLE_CONFIG_INVALID', message);
  await refuseBackbone('A trial of a few steps', options.model, train.from);
  const layers = await chosenLayers(options.model, train.from);
  const dataset = await openDataset(options.dataset);
  const { device } = await chooseDevice(train, registry);
  // Nobody reads a moving average of weights that are thrown away.
  const subject = await loadSubject(dataset, { layers, train: { ...train, device, emaDecay: 0 } });
  const { classes } = subject.manifest;
  const { parameters } = await startingWeights(subject.network, classes, train.seed, train.from);
  const state = { step: 0, parameters, optimizer: {}, plan: null };
  return { ...subject, state, configuredBatchSize: train.batchSize };
}

/** A model that is trained for a few steps, as a run would train it, and thrown away. */
export interface Trial {
  /** One step with the next batch. */
  step(learningRate: number): Promise<StepMetrics>;
  close(): Promise<void>;
}

export async function startTrial(
  { state, ...subject }: TrialSubject,
  registry: PluginRegistry,
): Promise<Trial> {
  const { train } = subject;
  const microbatchSize = askedMicrobatch(train.batchSize, train);
  const { session, batches } = await openSession(subject, { state, microbatchSize, firstStep: 0 }, registry);
  return {
    step: async (learningRate) => session.step(await batches.next(), { learningRate }),
    async close() {
      await batches.close();
      await session.close();
    },
  };
}
