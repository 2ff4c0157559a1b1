import type { ImageView, PluginEntry } from '../../plugin/contracts.js';
import { PluginRegistry } from '../../plugin/registry.js';
import { partnerOf } from './partner.js';
import { type AugmentedImage, type AugmentPipeline, type CopyKey, loadPipeline } from './pipeline.js';
import type { AugmentSettings } from './settings.js';

/** A configuration's augmentation, as plain data that passes to a thread. */
export interface Augmentation {
  readonly augment: AugmentSettings;
  /** Value of the paper. */
  readonly background: number;
  readonly plugins: readonly PluginEntry[];
}

/** @throws {RobleError} those of {@link loadPipeline} */
export function openPipeline({ augment, background, plugins }: Augmentation): Promise<AugmentPipeline> {
  return loadPipeline(new PluginRegistry(plugins), augment.strategy, { ...augment, background });
}

/** Samples that copies are made of; each is named by a number. */
export interface CopySource {
  /** Of each sample, its class. */
  readonly labels: ArrayLike<number>;
  /** Names of the classes. */
  readonly classes: readonly string[];
  pictureOf(sample: number): ImageView;
  /** The samples of each class that copies of the class may be blended with; only asked for when a step blends. */
  members(): readonly (readonly number[])[];
}

/** Makes copies of samples, each blended with another sample of its class where a step asks for one. */
export class CopyMaker {
  readonly #pipeline: AugmentPipeline;
  readonly #source: CopySource;
  readonly #members: readonly (readonly number[])[];

  constructor(pipeline: AugmentPipeline, source: CopySource) {
    this.#pipeline = pipeline;
    this.#source = source;
    this.#members = pipeline.needsPartner ? source.members() : [];
  }

  /** `partner`: the sample that is blended in; undefined where none is. */
  make(sample: number, key: CopyKey): AugmentedImage & { readonly partner: number | undefined } {
    const { labels, classes } = this.#source;
    const label = labels[sample]!;
    const members = this.#members[label];
    const partner = members && partnerOf(members, sample, key);
    const view = partner === undefined ? undefined : this.#source.pictureOf(partner);
    const made = this.#pipeline.apply(this.#source.pictureOf(sample), key, classes[label]!, view);
    return { ...made, partner: made.isBlended ? partner : undefined };
  }
}
