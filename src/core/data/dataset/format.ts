import { z } from 'zod';
import { preprocessingSchema } from '../../image/settings.js';
import type { DrawnValues } from '../../plugin/contracts.js';
import { SPLITS, type SplitName } from '../../plugin/reader.js';

export { SPLITS, type SplitName };

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const fileSchema = z.strictObject({ file: z.string(), bytes: z.int().nonnegative(), sha256 });

/**
 * One part of a split: up to 65,536 samples in files that load without decoding.
 * `images`: uint8, [count, height, width, channels]. `labels`: uint16 little-endian, [count].
 * `samples`: JSON lines, one {@link SampleProvenance} a sample, in the same order.
 * `strokes`: 16-bit words little-endian, one `PackedDrawing` a sample, in the same order: what the pictures were
 * drawn from. A part in which no sample has strokes has no such file.
 */
export const partSchema = z.strictObject({
  count: z.int().positive(),
  images: fileSchema,
  labels: fileSchema,
  samples: fileSchema,
  strokes: fileSchema.optional(),
});

const splitSchema = z.strictObject({
  count: z.int().positive(),
  /** Samples of each class, in the order of `classes`. */
  perClass: z.array(z.int().nonnegative()),
  parts: z.array(partSchema).min(1),
});

/** `dataset.json`. Contains no times and no paths of the machine: equal inputs give equal bytes. */
export const manifestSchema = z.strictObject({
  format: z.literal('roble-dataset'),
  version: z.literal(1),
  name: z.string().min(1),
  classes: z.array(z.string().min(1)).min(2),
  preprocessing: preprocessingSchema,
  splits: z.strictObject({
    train: splitSchema.optional(),
    validation: splitSchema.optional(),
    test: splitSchema.optional(),
  }),
  /** How it was made: the command's options, for people and for a repeat. */
  recipe: z.record(z.string(), z.unknown()),
  /** SHA-256 over the classes, the preprocessing and the hashes of all parts: names the content. */
  fingerprint: sha256,
});

export type DatasetManifest = z.output<typeof manifestSchema>;
export type DatasetPart = z.output<typeof partSchema>;
export type PartFile = z.output<typeof fileSchema>;

/** The files of a part. */
export function filesOf({ images, labels, samples, strokes }: DatasetPart): PartFile[] {
  return [images, labels, samples, ...(strokes ? [strokes] : [])];
}

/** How many samples each split holds; only the splits that there are. */
export function splitCounts({ splits }: DatasetManifest): Partial<Record<SplitName, number>> {
  return Object.fromEntries(SPLITS.flatMap((name) => (splits[name] ? [[name, splits[name].count]] : [])));
}

/** Where a sample came from. */
export interface SampleProvenance {
  /** The source's own name of it, such as `images/a_1.png` or `train-images-idx3-ubyte.gz#17`. */
  readonly source: string;
  /** Who or what made it, such as the writer; samples of one group are never on both sides of a split. */
  readonly group?: string;
  /** Name of the data set that it came from, in a data set that was made of others. */
  readonly origin?: string;
  /** Of its pixels, in a data set that was made of others. */
  readonly sha256?: string;
  /** How it was made from another sample. An original has none, and only `train` may hold samples that have one. */
  readonly copy?: CopyLineage;
}

/** With the recipe of the data set, all that it takes to make a copy again. */
export interface CopyLineage {
  /** `sha256` of the original. */
  readonly of: string;
  /** The number of the copy, from 1. */
  readonly number: number;
  /** `sha256` of the picture that was mixed in. */
  readonly partner?: string;
  readonly operations: readonly Operation[];
}

/** One augmenter that was applied, for the lineage. */
export interface Operation {
  readonly name: string;
  readonly version: number;
  readonly values: DrawnValues;
}
