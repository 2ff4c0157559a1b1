import { Random, symmetricBeta } from '../../../base/random.js';
import type { DatasetManifest } from '../../../data/dataset/format.js';
import type { OpenSplit } from '../../../data/dataset/open.js';
import { copyPicture, type PackedPictures } from '../../../data/dataset/pictures.js';
import type { FeatureTable } from '../../../data/features/feature-table.js';
import type { PackedStrokes } from '../../../image/strokes/packed.js';
import type { Network } from '../../../model/network.js';
import {
  type DropoutMaskSpec,
  dropoutMaskSpecs,
  fillDropoutMask,
  type MaskSource,
} from '../../../model/random-tensors.js';
import type { InputValues } from '../../../model/spec.js';
import type { Batch, PluginEntry } from '../../../plugin/contracts.js';
import type { TrainOptions } from '../../settings.js';
import { type BatchAugmentation, batchAugmentation } from './augmentation.js';

/** What a batch is made from; plain data, so that it passes to a thread. Memory is shared, not copied. */
export interface BatchRecipe {
  readonly pictures: PackedPictures;
  /** What a batch holds instead of the pictures, of a model that learns from the features of a backbone. */
  readonly features?: FeatureTable | undefined;
  /** What the pictures were drawn from, where that is known. */
  readonly strokes?: PackedStrokes | undefined;
  readonly labels: Uint16Array;
  /** Values of one image, or numbers of its features. */
  readonly imageSize: number;
  readonly classes: number;
  readonly batchSize: number;
  /** The most steps of an epoch; 0: as many as the data give. */
  readonly maxSteps: number;
  readonly seed: number;
  readonly labelSmoothing: number;
  /** By class: a sample's target row is multiplied by its class's. Undefined: all are 1. */
  readonly classWeights: readonly number[] | undefined;
  /** Pictures are blended by shares from Beta(alpha, alpha); 0: none. */
  readonly mixupAlpha: number;
  /** How each picture is changed before that; undefined: not at all. */
  readonly augmentation: BatchAugmentation | undefined;
  readonly dropout: readonly DropoutMaskSpec[];
}

/** Whole batches in an epoch. The samples that are left over come elsewhere in the next epoch's order. */
export function stepsPerEpochOf(
  recipe: Pick<BatchRecipe, 'batchSize' | 'maxSteps'> & { readonly labels: { readonly length: number } },
): number {
  const steps = Math.floor(recipe.labels.length / recipe.batchSize);
  return recipe.maxSteps > 0 ? Math.min(steps, recipe.maxSteps) : steps;
}

/** The memory of a batch, to be filled again and again. */
export type BatchBuffers = Omit<Batch, 'step'>;

export function allocateBatch(recipe: BatchRecipe): BatchBuffers {
  const { batchSize, imageSize, classes, dropout, features } = recipe;
  return {
    count: batchSize,
    images: new (features ? Float32Array : Uint8Array)(batchSize * imageSize),
    targets: new Float32Array(batchSize * classes),
    masks: Object.fromEntries(dropout.map(({ name, size }) => [name, new Uint8Array(batchSize * size)])),
  };
}

/** What moves to another thread with a batch instead of being copied. */
export function buffersOf({ images, targets, masks }: BatchBuffers): ArrayBuffer[] {
  return [images, targets, ...Object.values(masks)].map((array) => array.buffer as ArrayBuffer);
}

/** The samples of a step, as indices into the training split, in the order of the batch. */
export function samplesOfStep(recipe: BatchRecipe, step: number): number[] {
  return [...new EpochOrder(recipe).samplesOf(step)];
}

/**
 * Fills the batch of a step, counted from 0 over the whole run: a pure function of the recipe and the step, so that
 * a run can go on from any step.
 */
export class BatchFiller {
  readonly #recipe: BatchRecipe;
  readonly #order: EpochOrder;
  readonly #write: SampleWriter;

  private constructor(recipe: BatchRecipe, write: SampleWriter) {
    this.#recipe = recipe;
    this.#order = new EpochOrder(recipe);
    this.#write = write;
  }

  /** @throws {RobleError} those of loading the augmenters */
  static async open(recipe: BatchRecipe): Promise<BatchFiller> {
    return new BatchFiller(recipe, await sampleWriter(recipe));
  }

  fill(batch: BatchBuffers, step: number): void {
    const { classes, batchSize, seed, mixupAlpha, dropout } = this.#recipe;
    const samples = this.#order.samplesOf(step);
    const share = mixupAlpha > 0 ? symmetricBeta(new Random(seed, 'mixup', step), mixupAlpha) : 1;
    this.#putSamples(batch.images, samples, epochOf(this.#recipe, step));
    if (share < 1) blendNeighbours(batch.images, this.#recipe.imageSize, share);
    batch.targets.fill(0);
    for (let i = 0; i < batchSize; i++) {
      const target = batch.targets.subarray(i * classes, (i + 1) * classes);
      this.#addTarget(target, samples[i]!, share);
      if (share < 1) this.#addTarget(target, samples[(i + 1) % batchSize]!, 1 - share);
    }
    for (const spec of dropout) fillDropoutMask(batch.masks[spec.name]!, spec, seed, step);
  }

  #putSamples(batch: InputValues, samples: Uint32Array, epoch: number): void {
    const { imageSize } = this.#recipe;
    for (const [i, sample] of samples.entries())
      this.#write(batch.subarray(i * imageSize, (i + 1) * imageSize), sample, epoch);
  }

  /** Adds a share of the sample's own target: its label, smoothed (Szegedy et al. 2016) and weighted. */
  #addTarget(target: Float32Array, sample: number, share: number): void {
    const { labels, classes, labelSmoothing, classWeights } = this.#recipe;
    const label = labels[sample]!;
    const weight = share * (classWeights ? classWeights[label]! : 1);
    if (labelSmoothing > 0) {
      const spread = (weight * labelSmoothing) / classes;
      for (let c = 0; c < classes; c++) target[c]! += spread;
    }
    target[label]! += weight * (1 - labelSmoothing);
  }
}

/** Writes what a sample is in an epoch into its place in the batch. */
type SampleWriter = (place: InputValues, sample: number, epoch: number) => void;

/** @throws {RobleError} those of loading the augmenters */
async function sampleWriter(recipe: BatchRecipe): Promise<SampleWriter> {
  const { features, augmentation, pictures } = recipe;
  if (features) {
    const { FeatureReader, viewsOf } = await import('../../../data/features/feature-table.js');
    const reader = new FeatureReader(features);
    // The views of a picture take turns.
    return (place, sample, epoch) => reader.read(place as Float32Array, sample, epoch % viewsOf(features));
  }
  if (augmentation) {
    // The plugins and schemas of the augmenters take longer to load than all else that a thread of batches needs.
    const { BatchAugmenter } = await import('./augmentation.js');
    const augmenter = await BatchAugmenter.open(augmentation, recipe);
    return (place, sample, epoch) => augmenter.write(place as Uint8Array, sample, epoch);
  }
  return (place, sample) => copyPicture(pictures, sample, place as Uint8Array);
}

/**
 * Mixup, Zhang et al. 2018: each picture with its neighbour, the last one with the first. The order is random already:
 * the neighbour is as good as any other picture.
 */
function blendNeighbours(images: InputValues, imageSize: number, share: number): void {
  const first = images.slice(0, imageSize);
  // The conversion to uint8 rounds down.
  const half = images instanceof Uint8Array ? 0.5 : 0;
  for (let i = 0; i < images.length; i++) {
    const next = i + imageSize;
    const other = next < images.length ? images[next]! : first[next - images.length]!;
    images[i] = share * images[i]! + (1 - share) * other + half;
  }
}

function epochOf(recipe: BatchRecipe, step: number): number {
  return Math.floor(step / stepsPerEpochOf(recipe));
}

/** The random order of the samples, another one in each epoch; the newest is kept. */
class EpochOrder {
  readonly #recipe: BatchRecipe;
  #epoch = -1;
  #order: Uint32Array = new Uint32Array();

  constructor(recipe: BatchRecipe) {
    this.#recipe = recipe;
  }

  samplesOf(step: number): Uint32Array {
    const { batchSize } = this.#recipe;
    const stepsPerEpoch = stepsPerEpochOf(this.#recipe);
    this.#turnTo(epochOf(this.#recipe, step));
    const start = (step % stepsPerEpoch) * batchSize;
    return this.#order.subarray(start, start + batchSize);
  }

  #turnTo(epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#order = new Random(this.#recipe.seed, 'shuffle', epoch).permutation(this.#recipe.labels.length);
    this.#epoch = epoch;
  }
}

/**
 * Weights by class that let every class count as much as any other, however many samples it has:
 * `count / (classes present * samples of the class)`, so that their mean over the samples is 1. A class without
 * samples gets 0.
 *
 * @param labels indices into the classes, one a sample
 */
export function balancedClassWeights(labels: Iterable<number>, classes: number): number[] {
  const sizes = new Array<number>(classes).fill(0);
  let count = 0;
  for (const label of labels) {
    sizes[label]!++;
    count++;
  }
  const present = sizes.filter((size) => size > 0).length;
  return sizes.map((size) => (size > 0 ? count / (present * size) : 0));
}

export interface RecipeOptions {
  readonly training: OpenSplit;
  /** Of the training split, where the model learns from them. */
  readonly features?: FeatureTable | undefined;
  readonly manifest: DatasetManifest;
  readonly network: Network;
  /** Its batch size is at most the number of samples. */
  readonly train: TrainOptions;
  readonly plugins: readonly PluginEntry[];
  /** Those of new runs, unless given. */
  readonly masks?: MaskSource | undefined;
}

/** How the batches of a run are made, by its options. */
export function batchRecipe(options: RecipeOptions): BatchRecipe {
  const { training, features, manifest, network, train, plugins, masks } = options;
  const { pictures, strokes, labels } = training;
  const { classes } = network;
  return {
    pictures,
    features,
    strokes,
    labels,
    imageSize: features?.length ?? pictures.size,
    classes,
    batchSize: train.batchSize,
    maxSteps: train.maxStepsPerEpoch,
    seed: train.seed,
    labelSmoothing: train.labelSmoothing,
    classWeights: train.classWeights === 'balanced' ? balancedClassWeights(labels, classes) : undefined,
    mixupAlpha: train.mixupAlpha,
    // Features are of pictures that were changed already.
    augmentation: features ? undefined : batchAugmentation(train.augment, manifest, plugins),
    dropout: dropoutMaskSpecs(network, masks),
  };
}
