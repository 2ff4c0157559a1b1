import type { TrainOptions } from '../../config/schema.js';
import type { LoadedSplit } from '../../dataset/format.js';
import { dropoutMaskSpecs } from '../../model/dropout.js';
import type { Network } from '../../model/network.js';
import { balancedClassWeights } from './class-weights.js';
import type { BatchRecipe } from './fill-batch.js';

/** How the batches of a run are made, by its options. `batchSize` is that of a step, at most the number of samples. */
export function batchRecipe(
  { images, labels, count }: LoadedSplit,
  network: Network,
  train: Omit<TrainOptions, 'batchSize'>,
  batchSize: number,
): BatchRecipe {
  const { classes } = network;
  return {
    images,
    labels,
    imageSize: images.length / count,
    classes,
    batchSize,
    maxSteps: train.maxStepsPerEpoch,
    seed: train.seed,
    labelSmoothing: train.labelSmoothing,
    classWeights: train.classWeights === 'balanced' ? balancedClassWeights(labels, classes) : undefined,
    mixupAlpha: train.mixupAlpha,
    dropout: dropoutMaskSpecs(network),
  };
}
