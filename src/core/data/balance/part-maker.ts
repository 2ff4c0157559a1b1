import { samplesByClass } from '../../base/collections.js';
import { sha256 } from '../../base/storage/durable.js';
import type { PackedDrawing } from '../../image/strokes/packed.js';
import { type Augmentation, CopyMaker, openPipeline, sampleKeyOf } from '../augment/pipeline.js';
import type { SampleProvenance } from '../dataset/format.js';
import type { PartContent } from '../dataset/parts.js';
import type { BalancePlan, PartUnit, SplitPlan } from './plan.js';
import { hashOf, type Pictures, pictureOf } from './sources.js';

/** What the samples are made from; plain data over shared memory, so that it passes to threads. */
export interface MakingRecipe extends Augmentation {
  readonly pictures: Pictures;
  readonly splits: BalancePlan['splits'];
  readonly classes: readonly string[];
  readonly seed: number;
}

/** Where the original of a sample came from. */
export type OriginalProvenance = Pick<SampleProvenance, 'source' | 'group' | 'origin'>;

/** Makes the samples of a part: a function of the recipe and the part alone. */
export class PartMaker {
  readonly #recipe: MakingRecipe;
  readonly #copies: CopyMaker;

  private constructor(recipe: MakingRecipe, copies: CopyMaker) {
    this.#recipe = recipe;
    this.#copies = copies;
  }

  static async open(recipe: MakingRecipe): Promise<PartMaker> {
    const { pictures, classes } = recipe;
    const copies = new CopyMaker(await openPipeline(recipe), {
      labels: pictures.labels,
      classes,
      pictureOf: (sample) => pictureOf(pictures, sample),
      members: () => keptOriginals(recipe),
    });
    return new PartMaker(recipe, copies);
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
      const { drawing, ...made } = this.#write(target, sample, copy);
      samples.push({ ...originals[i]!, ...made });
      strokes.push(drawing);
    }
    return { images, labels, samples, strokes };
  }

  /** Writes a sample or a copy of it, and returns its hash, how it was made, and the strokes of a sample that has some. */
  #write(
    target: Uint8Array,
    sample: number,
    number: number,
  ): Pick<SampleProvenance, 'sha256' | 'copy'> & { readonly drawing: PackedDrawing | undefined } {
    const { pictures, seed } = this.#recipe;
    const hash = hashOf(pictures, sample);
    if (number === 0) {
      const { data, strokes } = pictureOf(pictures, sample);
      target.set(data);
      return { sha256: hash, drawing: strokes };
    }
    const { data, operations, mixedSample } = this.#copies.make(sample, {
      seed,
      sample: sampleKeyOf(hash),
      copy: number,
    });
    target.set(data);
    return {
      sha256: sha256(data),
      // The strokes of an original would not draw its copy, and a copy is never copied again.
      drawing: undefined,
      copy: {
        of: hash,
        number,
        ...(mixedSample !== undefined && { partner: hashOf(pictures, mixedSample) }),
        operations,
      },
    };
  }
}

/** The samples of train that are no copies, by class. */
function keptOriginals({ splits, pictures, classes }: MakingRecipe): number[][] {
  const { samples, copies } = splits.train as SplitPlan;
  const kept = samples.filter((_, i) => copies[i] === 0);
  return samplesByClass(pictures.labels, classes.length, kept);
}
