import { samplesByClass } from '../../../base/collections.js';
import { type Augmentation, CopyMaker, openPipeline } from '../../../data/augment/pipeline.js';
import type { AugmentSettings } from '../../../data/augment/settings.js';
import type { DatasetManifest } from '../../../data/dataset/format.js';
import { viewOf } from '../../../data/dataset/open.js';
import type { PackedPictures } from '../../../data/dataset/pictures.js';
import { type Preprocessing, paperValue } from '../../../image/settings.js';
import type { PackedStrokes } from '../../../image/strokes/packed.js';
import type { PluginEntry } from '../../../plugin/contracts.js';

/** How the pictures of batches are changed; plain data, so that it passes to a thread. */
export interface BatchAugmentation extends Augmentation {
  readonly preprocessing: Preprocessing;
  /** Names of the classes, for the limits of some of them. */
  readonly classes: readonly string[];
}

/** Undefined where nothing is to be changed. */
export function batchAugmentation(
  augment: AugmentSettings,
  { classes, preprocessing }: DatasetManifest,
  plugins: readonly PluginEntry[],
): BatchAugmentation | undefined {
  const { strategy, canvasStyle, mixup } = augment;
  const isNone = strategy === 'none' || strategy.length === 0;
  if (isNone && canvasStyle === 0 && mixup === 0) return undefined;
  return { augment, background: paperValue(preprocessing), plugins, preprocessing, classes };
}

/** The part of a batch's recipe that determines the pictures. */
interface Pictures {
  readonly pictures: PackedPictures;
  readonly strokes?: PackedStrokes | undefined;
  readonly labels: Uint16Array;
  readonly seed: number;
}

/** Changes training pictures: each epoch another copy, which (seed, sample, epoch) determine. */
export class BatchAugmenter {
  readonly #copies: CopyMaker;
  readonly #seed: number;

  private constructor(copies: CopyMaker, seed: number) {
    this.#copies = copies;
    this.#seed = seed;
  }

  /** @throws {RobleError} those of loading the augmenters */
  static async open(augmentation: BatchAugmentation, pictures: Pictures): Promise<BatchAugmenter> {
    const { classes, preprocessing } = augmentation;
    const { labels, seed } = pictures;
    const copies = new CopyMaker(await openPipeline(augmentation), {
      labels,
      classes,
      pictureOf: (sample) => viewOf(pictures, preprocessing, sample),
      members: () => samplesByClass(labels, classes.length),
    });
    return new BatchAugmenter(copies, seed);
  }

  /** Writes the copy of a sample for an epoch into `target`, uint8 [height, width, channels]. */
  write(target: Uint8Array, sample: number, epoch: number): void {
    target.set(this.#copies.make(sample, { seed: this.#seed, sample, copy: epoch }).data);
  }
}
