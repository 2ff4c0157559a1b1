import { membersByLabel, partnerOf } from '../../augment/partner.js';
import { type AugmentPipeline, loadPipeline } from '../../augment/pipeline.js';
import type { AugmentSettings } from '../../augment/strategy.js';
import type { DatasetManifest } from '../../dataset/format.js';
import { viewOf } from '../../dataset/view.js';
import { type Preprocessing, paperValue } from '../../image/preprocessing.js';
import type { ImageView, PluginEntry } from '../../plugin/api.js';
import { PluginRegistry } from '../../plugin/registry.js';
import type { PackedStrokes } from '../../strokes/packed.js';

/** How the pictures of batches are changed; plain data, so that it passes to a thread. */
export interface BatchAugmentation {
  readonly settings: AugmentSettings;
  readonly preprocessing: Preprocessing;
  /** Names of the classes, for the limits of some of them. */
  readonly classes: readonly string[];
  readonly plugins: readonly PluginEntry[];
}

/** Undefined where nothing is to be changed. */
export function batchAugmentation(
  settings: AugmentSettings,
  { classes, preprocessing }: DatasetManifest,
  plugins: readonly PluginEntry[],
): BatchAugmentation | undefined {
  const { strategy, canvasStyle, mixup } = settings;
  const isNone = strategy === 'none' || strategy.length === 0;
  if (isNone && canvasStyle === 0 && mixup === 0) return undefined;
  return { settings, classes, preprocessing, plugins };
}

/** What of a batch's recipe tells the pictures. */
interface Pictures {
  readonly images: Uint8Array;
  readonly strokes?: PackedStrokes | undefined;
  readonly labels: Uint16Array;
  readonly seed: number;
}

/** Changes training pictures: each epoch another copy, which (seed, sample, epoch) determine. */
export class BatchAugmenter {
  readonly #pipeline: AugmentPipeline;
  readonly #pictures: Pictures;
  readonly #augmentation: BatchAugmentation;
  readonly #members: readonly (readonly number[])[];

  private constructor(pipeline: AugmentPipeline, augmentation: BatchAugmentation, pictures: Pictures) {
    this.#pipeline = pipeline;
    this.#augmentation = augmentation;
    this.#pictures = pictures;
    this.#members = pipeline.needsPartner ? membersByLabel(pictures.labels, augmentation.classes.length) : [];
  }

  /** @throws {RobleError} those of {@link loadPipeline} */
  static async open(augmentation: BatchAugmentation, pictures: Pictures): Promise<BatchAugmenter> {
    const { plugins, settings, preprocessing } = augmentation;
    const background = paperValue(preprocessing);
    const options = { ...settings, background };
    const pipeline = await loadPipeline(new PluginRegistry(plugins), settings.strategy, options);
    return new BatchAugmenter(pipeline, augmentation, pictures);
  }

  /** Writes the copy of a sample for an epoch into `target`, uint8 [height, width, channels]. */
  write(target: Uint8Array, sample: number, epoch: number): void {
    const { labels, seed } = this.#pictures;
    const label = labels[sample]!;
    const key = { seed, sample, copy: epoch };
    const members = this.#members[label];
    const partner = members && partnerOf(members, sample, key);
    const view = partner === undefined ? undefined : this.#viewOf(partner);
    const name = this.#augmentation.classes[label]!;
    target.set(this.#pipeline.apply(this.#viewOf(sample), key, name, view).data);
  }

  #viewOf(sample: number): ImageView {
    return viewOf(this.#pictures, this.#augmentation.preprocessing, sample);
  }
}
