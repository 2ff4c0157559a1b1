import { join } from 'node:path';
import { type Context, refuseInterrupted } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { createFolder, sha256, writeSynced } from '../../base/storage/durable.js';
import { Spool } from '../../base/storage/spool.js';
import { countOf } from '../../base/text/text.js';
import type { Preprocessing } from '../../image/settings.js';
import { drawingBytes, type PackedDrawing } from '../../image/strokes/packed.js';
import { sortClasses } from './class-names.js';
import type { SplitItem } from './cover-classes.js';
import { type DatasetManifest, type SampleProvenance, SPLITS, type SplitName } from './format.js';
import { manifestOf, PartWriter, writeManifest } from './parts.js';
import { countShared, groupRepeated, type HashedItem } from './repeated-pictures.js';
import {
  assignSplits,
  countPerClass,
  emptyClasses,
  fixedOf,
  largestShare,
  refuseSharedGroups,
  type SplitOptions,
  splitMode,
} from './splits.js';

/** A sample whose picture has become pixels. */
export interface PreparedSample extends SampleProvenance {
  /** uint8, [height, width, channels] of the preprocessing. */
  readonly pixels: Uint8Array;
  /** What the picture was drawn from, if that is known. */
  readonly strokes?: PackedDrawing;
  /** A class name, or an index into the classes. */
  readonly label: string | number;
  readonly split?: SplitName;
  /** Where the pixels are kept already, in `pixels` of the place of work. */
  readonly kept?: KeptPixels;
}

/** Pixels in a spool. */
export interface KeptPixels {
  readonly at: number;
  readonly sha256: string;
}

/** What outlives a failure, so that another try can go on; by default nothing does. */
export interface WorkPlace {
  /** The folder, on the disk of the output, that is filled and becomes the output. */
  readonly data: string;
  /** Holds the pixels of the samples. */
  readonly pixels: Spool;
}

export interface WriteDatasetOptions {
  /** The folder to create. */
  readonly out: string;
  readonly name: string;
  readonly preprocessing: Preprocessing;
  /** Default: the labels, sorted. */
  readonly classes?: readonly string[] | undefined;
  /** Called when all samples were read: the class names that come first, if samples have them. */
  readonly classOrder?: (() => readonly string[]) | undefined;
  readonly split: SplitOptions;
  /** Called when all samples were read. */
  readonly recipe: () => Record<string, unknown>;
  readonly workPlace?: WorkPlace | undefined;
  /** Further files for people, by name, which are in the folder when it appears. */
  readonly files?: Readonly<Record<string, string>> | undefined;
}

export interface WrittenDataset {
  readonly manifest: DatasetManifest;
  /** What a person should know, such as a class that a given validation split lacks. */
  readonly warnings: readonly string[];
}

/**
 * Writes a data set folder, all at once or not at all. There may be any number of samples: their pixels and strokes are
 * spooled to files, and only their labels, names and hashes stay in memory until classes and splits are known.
 *
 * @throws {RobleError} `ROBLE_OUTPUT_EXISTS`, `ROBLE_DISK_FULL`, `ROBLE_SOURCE_EMPTY`, `ROBLE_DATASET_SPLIT`,
 *   `ROBLE_CLASS_TOO_SMALL`, `ROBLE_LABEL_RANGE`, `ROBLE_INTERRUPTED`, or what `samples` throws.
 */
export async function writeDataset(
  options: WriteDatasetOptions,
  samples: AsyncIterable<PreparedSample>,
  context: Context = {},
): Promise<WrittenDataset> {
  let written: WrittenDataset | undefined;
  const { workPlace } = options;
  const fill = async (folder: string) => {
    const own = workPlace ? undefined : await Spool.create(join(folder, 'spool-pixels'));
    const strokes = await Spool.create(join(folder, 'spool-strokes'));
    const spools = { pixels: own ?? workPlace!.pixels, strokes };
    try {
      const notes = await collect(samples, spools, context);
      written = await arrange(folder, notes, spools, options, context);
    } finally {
      await own?.remove();
      await strokes.remove();
    }
    for (const [file, content] of Object.entries(options.files ?? {}))
      await writeSynced(join(folder, file), content);
    await writeManifest(folder, written.manifest);
  };
  await createFolder(options.out, fill, workPlace?.data);
  return written!;
}

interface Spools {
  readonly pixels: Spool;
  readonly strokes: Spool;
}

/** A sample without its content, which is in the spools. There are many: all have the same fields, and are not copied. */
interface Note extends Omit<HashedItem, 'label'>, Partial<Undefinable<SampleProvenance>> {
  readonly source: string;
  label: string | number;
  readonly strokesAt: number;
  /** 0 without strokes. */
  readonly strokeBytes: number;
}

type Undefinable<T> = { readonly [K in keyof T]: T[K] | undefined };

async function collect(
  samples: AsyncIterable<PreparedSample>,
  spools: Spools,
  context: Context,
): Promise<Note[]> {
  const notes: Note[] = [];
  for await (const sample of samples) {
    refuseInterrupted(context);
    const { pixels, strokes, source, label, group, split, origin, copy } = sample;
    const kept = sample.kept ?? { at: await spools.pixels.append(pixels), sha256: sha256(pixels) };
    const bytes = strokes && drawingBytes(strokes);
    notes.push({
      source,
      label,
      group,
      split,
      origin,
      sha256: sample.sha256,
      copy,
      at: kept.at,
      pixelHash: kept.sha256,
      strokesAt: bytes ? await spools.strokes.append(bytes) : 0,
      strokeBytes: bytes?.length ?? 0,
    });
  }
  refuseInterrupted(context);
  if (notes.length === 0)
    throw new RobleError('ROBLE_SOURCE_EMPTY', 'There is no usable sample.', {
      expected: 'at least two classes with samples',
    });
  return notes;
}

async function arrange(
  folder: string,
  notes: readonly Note[],
  spools: Spools,
  options: WriteDatasetOptions,
  context: Context,
): Promise<WrittenDataset> {
  const classes = options.classes ?? classesOf(notes, options.classOrder?.() ?? []);
  refuseClassCount(classes);
  const items = labelItems(notes, classes);
  const { assigned, warnings } = await divide(items, classes, spools.pixels, options);
  warnings.push(...checkClasses(items, assigned, classes));
  const writers = SPLITS.map((split) => new PartWriter(folder, split));
  try {
    await copySamples(items, assigned, spools, writers, options.preprocessing, context);
    for (const writer of writers) await writer.finish();
  } finally {
    for (const writer of writers) await writer.abandon();
  }
  const counts = countPerClass(items, assigned, classes.length);
  const splits = Object.fromEntries(
    SPLITS.flatMap((split, i) => {
      const { parts } = writers[i]!;
      return parts.length > 0 ? [[split, { perClass: counts[i]!, parts }]] : [];
    }),
  );
  const { name, preprocessing, recipe } = options;
  return { manifest: manifestOf({ name, classes, preprocessing, recipe: recipe() }, splits), warnings };
}

/** Copies each sample from the spools to the writer of its split. */
async function copySamples(
  items: readonly LabelledNote[],
  assigned: Uint8Array,
  { pixels, strokes }: Spools,
  writers: readonly PartWriter[],
  { width, height, channels }: Preprocessing,
  context: Context,
): Promise<void> {
  for (const [i, item] of items.entries()) {
    const { at, label, strokesAt, strokeBytes } = item;
    const picture = await pixels.read(at, width * height * channels);
    const drawing = strokeBytes > 0 ? await strokes.read(strokesAt, strokeBytes) : undefined;
    await writers[assigned[i]!]!.add(picture, label, provenanceOf(item), drawing);
    if ((i & 1023) === 0) refuseInterrupted(context);
  }
}

interface Division {
  readonly assigned: Uint8Array;
  readonly warnings: string[];
}

/** The split of each sample, with warnings. */
async function divide(
  items: readonly HashedItem[],
  classes: readonly string[],
  spool: Spool,
  { split: options, preprocessing }: WriteDatasetOptions,
): Promise<Division> {
  const isTogether = options.keepRepeatedTogether !== false && splitMode(items, options) === 'ratio';
  const { assigned, warnings } = isTogether
    ? await divideTogether(items, classes, spool, options, preprocessing)
    : { assigned: assignSplits(items, classes, options), warnings: [] };
  const shared = countShared(items, assigned);
  if (shared > 0)
    warnings.push(
      `${countOf(shared, 'picture')} of validation or test ${shared === 1 ? 'is' : 'are'} also in an earlier split, pixel for pixel, so that a model is tested on what it has seen: "roble data:validate" names them, and leaves them out with --apply OUT --remove leaks`,
    );
  return { assigned, warnings };
}

/** Keeps repeated pictures, and the groups that share them, in one split unless a class has no others. */
async function divideTogether(
  items: readonly HashedItem[],
  classes: readonly string[],
  spool: Spool,
  options: SplitOptions,
  preprocessing: Preprocessing,
): Promise<Division> {
  let failure: RobleError | undefined;
  const largestSplit = largestShare(options) * items.length;
  for (const grouping of await groupRepeated(items, fixedOf(items), spool, preprocessing)) {
    const { joinedGroups, largestJoined } = grouping;
    // Too large for one split, or leaves nothing for the others.
    if (largestJoined > largestSplit) continue;
    try {
      const assigned = assignSplits(grouping.items, classes, options);
      refuseSharedGroups(items, assigned);
      const warning = `${countOf(joinedGroups, 'group')} share pictures with others; those that do stay in one split`;
      return { assigned, warnings: joinedGroups > 0 ? [warning] : [] };
    } catch (error) {
      failure = RobleError.from(error);
      if (failure.code !== 'ROBLE_DATASET_SPLIT') throw error;
    }
  }
  const assigned = assignSplits(items, classes, options);
  const crowded = failure?.details.problems?.map(({ path }) => path) ?? [];
  const reason =
    crowded.length > 0
      ? `because these classes have hardly any others: ${crowded.join(' ')}`
      : 'because they tie nearly all groups together';
  return { assigned, warnings: [`Pictures that are nearly the same are in different splits, ${reason}`] };
}

function provenanceOf({ source, group, origin, sha256, copy }: LabelledNote): SampleProvenance {
  // JSON leaves out those that are undefined.
  return { source, group, origin, sha256, copy } as SampleProvenance;
}

/** Names in the given order, then sorted; indices count from 0 to the largest. */
function classesOf(notes: readonly Note[], order: readonly string[]): string[] {
  const names = new Set<string>();
  let largest = -1;
  for (const { label } of notes) {
    if (typeof label === 'string') names.add(label);
    else largest = Math.max(largest, label);
  }
  if (names.size > 0 && largest >= 0)
    throw new RobleError('ROBLE_LABEL_RANGE', 'Some labels are names and others are indices.', {
      nextSteps: ['List the classes with --classes.'],
    });
  if (names.size === 0) return Array.from({ length: largest + 1 }, (_, i) => String(i));
  const known = order.filter((name) => names.has(name));
  for (const name of known) names.delete(name);
  return [...known, ...sortClasses(names)];
}

function refuseClassCount(classes: readonly string[]): void {
  if (classes.length >= 2 && classes.length <= 65_536) return;
  throw new RobleError('ROBLE_CLASS_TOO_SMALL', 'A classifier needs at least two classes.', {
    received: classes.length === 1 ? `only "${classes[0]}"` : `${classes.length} classes`,
    expected: '2 to 65,536 classes',
  });
}

type LabelledNote = Note & { readonly label: number };

/** Puts indices into the classes in place of the labels. */
function labelItems(notes: readonly Note[], classes: readonly string[]): LabelledNote[] {
  const indices = new Map(classes.map((name, index) => [name, index]));
  for (const note of notes) {
    const label = typeof note.label === 'number' ? note.label : (indices.get(note.label) ?? -1);
    if (!Number.isInteger(label) || label < 0 || label >= classes.length)
      throw labelError(note.source, note.label, classes);
    note.label = label;
  }
  return notes as LabelledNote[];
}

/** The error of a label that is not among the classes. */
export function labelError(source: string, label: string | number, classes: readonly string[]): RobleError {
  return new RobleError('ROBLE_LABEL_RANGE', `The label of ${source} is outside the list of classes.`, {
    received: label,
    expected:
      typeof label === 'number'
        ? `a whole number from 0 to ${classes.length - 1}`
        : `one of ${shortList(classes)}`,
    nextSteps: ['Check the list of classes (--classes).'],
  });
}

function shortList(names: readonly string[]): string {
  return names.length <= 12 ? names.join(' ') : `${names.slice(0, 12).join(' ')} ... (${names.length})`;
}

/** Training needs every class; a given validation or test split may lack one, which is worth a warning. */
function checkClasses(
  items: readonly SplitItem[],
  assigned: Uint8Array,
  classes: readonly string[],
): string[] {
  const problems = emptyClasses(items, assigned, classes, [0]);
  if (problems.length > 0)
    throw new RobleError('ROBLE_DATASET_SPLIT', 'A class has no sample to train on.', {
      received: `${problems.length} of ${classes.length} classes`,
      expected: 'at least one sample of each class in train',
      problems,
    });
  const used = [1, 2].filter((split) => assigned.includes(split));
  return emptyClasses(items, assigned, classes, used).map(({ message }) => message);
}
