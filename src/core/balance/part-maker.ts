import { membersByLabel, partnerOf } from '../augment/partner.js';
import { type AugmentPipeline, loadPipeline } from '../augment/pipeline.js';
import type { AugmentSettings } from '../augment/strategy.js';
import type { SampleProvenance } from '../dataset/format.js';
import type { PartContent } from '../dataset/parts.js';
import type { PluginEntry } from '../plugin/api.js';
import { PluginRegistry } from '../plugin/registry.js';
import { sha256 } from '../storage/durable.js';
import type { PackedDrawing } from '../strokes/packed.js';
import type { PartUnit } from './part-units.js';
import type { BalancePlan, SplitPlan } from './plan.js';
import { hashOf, keyOf, type Pictures, pictureOf } from './pool.js';

/** What the samples are made from; plain data over shared memory, so that it passes to threads. */
export interface MakingRecipe {
  readonly pictures: Pictures;
  readonly splits: BalancePlan['splits'];
  readonly classes: readonly string[];
  readonly seed: number;
  readonly augment: AugmentSettings;
  /** Value of the paper. */
  readonly background: number;
  readonly plugins: readonly PluginEntry[];
}

/** Where the original of a sample came from. */
export type OriginalProvenance = Pick<SampleProvenance, 'source' | 'group' | 'origin'>;

/** Loads the augmenters of a recipe. */
export function pipelineOf(
  recipe: Pick<MakingRecipe, 'augment' | 'background' | 'plugins'>,
): Promise<AugmentPipeline> {
  const { augment, background, plugins } = recipe;
  return loadPipeline(new PluginRegistry(plugins), augment.strategy, { ...augment, background });
}

/** Makes the samples of a part: a function of the recipe and the part alone. */
export class PartMaker {
  readonly #recipe: MakingRecipe;
  readonly #pipeline: AugmentPipeline;
  /** Of each class, the originals that copies may be blended with. */
  readonly #members: readonly (readonly number[])[];

  private constructor(recipe: MakingRecipe, pipeline: AugmentPipeline) {
    this.#recipe = recipe;
    this.#pipeline = pipeline;
    this.#members = pipeline.needsPartner ? keptOriginals(recipe) : [];
  }

  static async open(recipe: MakingRecipe): Promise<PartMaker> {
    return new PartMaker(recipe, await pipelineOf(recipe));
  }

  /** @param originals where the original of each sample of the part came from, in order */
  make({ split, start, count }: PartUnit, originals: readonly OriginalProvenance[]): PartContent {
    const { pictures, splits } = this.#recipe;
    const size = pictures.width * pictures.height * pictures.channels;
    const images = new Uint8Array(count * size);
    const labels = new Uint16Array(count);
    const samples: SampleProvenance[] = [];
    const strokes: (PackedDrawing | undefined)[] = [];
    const plan = splits[split]!;
    for (let i = 0; i < count; i++) {
      const sample = plan.samples[start + i]!;
      const copy = plan.copies[start + i]!;
      const target = images.subarray(i * size, (i + 1) * size);
      labels[i] = pictures.labels[sample]!;
      samples.push({ ...originals[i]!, ...this.#write(target, sample, copy) });
      // A copy is not what its strokes would draw, and is never copied again.
      strokes.push(copy === 0 ? pictureOf(pictures, sample).strokes : undefined);
    }
    return { images, labels, samples, strokes };
  }

  /** Writes a sample or a copy of it, and tells its hash and how it was made. */
  #write(target: Uint8Array, sample: number, number: number): Pick<SampleProvenance, 'sha256' | 'copy'> {
    const { pictures, classes, seed } = this.#recipe;
    const source = pictureOf(pictures, sample);
    const hash = hashOf(pictures, sample);
    if (number === 0) {
      target.set(source.data);
      return { sha256: hash };
    }
    const label = pictures.labels[sample]!;
    const key = { seed, sample: keyOf(pictures, sample), copy: number };
    const members = this.#members[label];
    const partner = members && partnerOf(members, sample, key);
    const view = partner === undefined ? undefined : pictureOf(pictures, partner);
    const made = this.#pipeline.apply(source, key, classes[label]!, view);
    target.set(made.data);
    return {
      sha256: sha256(made.data),
      copy: {
        of: hash,
        number,
        ...(made.isBlended && { partner: hashOf(pictures, partner!) }),
        operations: made.operations,
      },
    };
  }
}

/** The samples of train that are no copies, by class. */
function keptOriginals({ splits, pictures, classes }: MakingRecipe): number[][] {
  const { samples, copies } = splits.train as SplitPlan;
  const kept = samples.filter((_, i) => copies[i] === 0);
  const labels = kept.map((sample) => pictures.labels[sample]!);
  return membersByLabel(labels, classes.length).map((members) => members.map((i) => kept[i]!));
}
