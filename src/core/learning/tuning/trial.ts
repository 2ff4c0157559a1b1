import { checked } from '../../base/schema/checked.js';
import type { TensorMap } from '../../base/storage/safetensors.js';
import type { DatasetManifest, LoadedSplit } from '../../data/dataset/format.js';
import { openDataset } from '../../data/dataset/open.js';
import { type Network, resolveNetwork } from '../../model/network.js';
import type { ModelSpec } from '../../model/spec.js';
import type { StepMetrics } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { chooseDevice } from '../devices.js';
import { type ModelChoice, type TrainOptions, trainSchema } from '../settings.js';
import { batchRecipe } from '../training/batches/batch.js';
import { BatchSource } from '../training/batches/batch-source.js';
import { chosenLayers, frozenLayers, modelFor, startingWeights } from '../training/run/start.js';

/** What is tried: the same choices as for a run. */
export interface TrialOptions {
  /** Folder of a data set with the split `train`. */
  readonly dataset: string;
  /** A preset or layers; by default those of the bundle `train.from`, or the preset `cnn-v2`. */
  readonly model?: ModelChoice | undefined;
  /** Everything else; what is left out has the defaults of the configuration. */
  readonly train?: Partial<TrainOptions>;
}

/** The data and the network of trials, in memory. */
export interface TrialSubject {
  readonly train: TrainOptions;
  readonly manifest: DatasetManifest;
  readonly model: ModelSpec;
  readonly network: Network;
  readonly training: LoadedSplit;
  readonly parameters: TensorMap;
}

/** A model that is trained for a few steps, as a run would train it, and thrown away. */
export interface Trial {
  /** One step with the next batch. */
  step(learningRate: number): Promise<StepMetrics>;
  close(): Promise<void>;
}

/** @throws {RobleError} what a run with these options throws before its first step */
export async function openTrialSubject(options: TrialOptions): Promise<TrialSubject> {
  const message = 'The training options are not valid.';
  const train = checked(trainSchema, options.train ?? {}, 'ROBLE_CONFIG_INVALID', message);
  const layers = await chosenLayers(options.model, train.from);
  const dataset = await openDataset(options.dataset);
  const { manifest } = dataset;
  const model = modelFor(manifest, layers);
  const network = resolveNetwork(model);
  const { parameters } = await startingWeights(network, manifest.classes, train.seed, train.from);
  return { train, manifest, model, network, training: await dataset.load('train'), parameters };
}

/**
 * Opens the engine for batches of a size, at most the number of samples. With a `microbatchSize` above 0, only so many
 * samples are in memory at once.
 */
export async function startTrial(
  subject: TrialSubject,
  { batchSize, microbatchSize }: Pick<TrainOptions, 'batchSize' | 'microbatchSize'>,
  registry: PluginRegistry,
): Promise<Trial> {
  const { train, model, network, parameters } = subject;
  const engine = await registry.load('training-engine', train.engine);
  const frozen = frozenLayers(network, train.frozen);
  const { device } = await chooseDevice(train, registry);
  const session = await engine.open(model, { ...train, device, batchSize, frozen });
  try {
    await session.importState({ step: 0, parameters, optimizer: {}, plan: null });
    if (microbatchSize > 0) await session.setMicrobatchSize(microbatchSize);
  } catch (error) {
    await session.close();
    throw error;
  }
  const recipe = batchRecipe({ ...subject, batchSize, plugins: registry.entries });
  const batches = await BatchSource.open(recipe, 0, train.numWorkers);
  return {
    step: async (learningRate) => session.step(await batches.next(), { learningRate }),
    async close() {
      await batches.close();
      await session.close();
    },
  };
}
