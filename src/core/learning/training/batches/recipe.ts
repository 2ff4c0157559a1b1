import type { TrainOptions } from '../../../config/schema.js';
import type { DatasetManifest, LoadedSplit } from '../../../data/dataset/format.js';
import { dropoutMaskSpecs } from '../../../model/random-tensors.js';
import type { Network } from '../../../model/network.js';
import type { PluginEntry } from '../../../plugin/contracts.js';
import { batchAugmentation } from './augmentation.js';
import { balancedClassWeights } from './class-weights.js';
import type { BatchRecipe } from './batch.js';

export interface RecipeOptions {
  readonly training: LoadedSplit;
  readonly manifest: DatasetManifest;
  readonly network: Network;
  readonly train: TrainOptions;
  /** That of a step, at most the number of samples; takes the place of the one in `train`. */
  readonly batchSize: number;
  readonly plugins: readonly PluginEntry[];
}

/** How the batches of a run are made, by its options. */
export function batchRecipe(options: RecipeOptions): BatchRecipe {
  const { training, manifest, network, train, batchSize, plugins } = options;
  const { images, strokes, labels, count } = training;
  const { classes } = network;
  return {
    images,
    strokes,
    labels,
    imageSize: images.length / count,
    classes,
    batchSize,
    maxSteps: train.maxStepsPerEpoch,
    seed: train.seed,
    labelSmoothing: train.labelSmoothing,
    classWeights: train.classWeights === 'balanced' ? balancedClassWeights(labels, classes) : undefined,
    mixupAlpha: train.mixupAlpha,
    augmentation: batchAugmentation(train.augment, manifest, plugins),
    dropout: dropoutMaskSpecs(network),
  };
}
