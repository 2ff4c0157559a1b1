import type { ErrorCode, RobleError } from '../../base/errors.js';
import { distinctNames, normalName } from '../../base/text/names.js';
import { DEFAULT_MAX_PIXELS } from '../../image/preprocess.js';
import type { PixelShape } from '../../image/settings.js';
import type { Stroke } from '../../image/strokes/rasterize.js';
import type { DatasetManifest, SplitName } from '../dataset/format.js';
import type { PackedSample } from '../dataset/stream.js';

/** A picture as its source holds it. */
export type Picture =
  /** `from`: its bytes, or the path of the file that holds them. */
  | { readonly kind: 'encoded'; readonly from: string | Uint8Array; readonly notices?: readonly string[] }
  | { readonly kind: 'pixels'; readonly pixels: Uint8Array; readonly shape: PixelShape }
  /** What a model sees, uint8 [height, width, channels] of the preprocessing: nothing is left to do. */
  | { readonly kind: 'prepared'; readonly pixels: Uint8Array }
  | { readonly kind: 'strokes'; readonly strokes: readonly Stroke[]; readonly unit: number };

/** What a reader gives for one sample. */
export interface SourceSample {
  /** The source's own name of it, relative to what the user named, such as `a/1.png` or `train-images.gz#17`. */
  readonly source: string;
  /** A class name, or an index into the classes. */
  readonly label: string | number;
  readonly group?: string;
  readonly split?: SplitName;
  readonly picture: Picture;
}

/** A sample that cannot be used; the rest of its source can. */
export interface BadSample {
  readonly source: string;
  readonly error: RobleError;
}

/** What a reader says about a source as a whole. */
export type SourceRemark =
  /** `strictError`: the error that it is when every sample must be usable. */
  | { readonly warning: string; readonly strictError?: RobleError }
  /** The names of its classes in their order; those without a sample become no class. */
  | { readonly classes: readonly string[] };

export type SourceItem = SourceSample | BadSample | SourceRemark;

/** What the top folders of a folder of pictures may stand for. */
export type TopFolders = 'classes' | 'splits';

/** How sources are read. */
export interface SourceOptions {
  /** Class names in the order of their indices. */
  readonly classes?: readonly string[] | undefined;
  /** Whether labels in CSV, stroke and Parquet files are class names (default) or indices into `classes`. */
  readonly labels?: 'name' | 'index' | undefined;
  /** Columns of a CSV or Parquet file; default: `image` and `label` or similar names, or those that a Parquet file declares. */
  readonly imageColumn?: string | undefined;
  readonly labelColumn?: string | undefined;
  /** What the top folders of a folder of pictures stand for; default: decided by their names, if these are unambiguous. */
  readonly topFolders?: TopFolders | undefined;
  /** Encoding of text files without a byte order mark, such as `windows-1252`; default UTF-8. */
  readonly encoding?: string | undefined;
  /** What separates the columns of CSV files; default: found by the header. */
  readonly delimiter?: string | undefined;
  /** Swap rows and columns of every picture before anything else, as EMNIST's files need it; default false. */
  readonly transpose?: boolean | undefined;
  /** Largest picture that is decoded, in pixels; default {@link DEFAULT_MAX_PIXELS}. */
  readonly maxPixels?: number | undefined;
  /** What messages call that limit; default `maxPixels`. */
  readonly limitName?: string | undefined;
}

/** Options of a reader. A list of classes beside the data is not read if the caller lists them. */
export interface ReaderOptions extends SourceOptions {
  /** The split of every sample, whatever the source says. */
  readonly split?: SplitName | undefined;
  /** The field (CSV column, stroke property) that holds the group; `none`: no groups. */
  readonly groupBy?: string | undefined;
  readonly maxPixels: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether paths in the source must stay inside it, as in an archive from a stranger. */
  readonly confined?: boolean | undefined;
}

/** The options of a reader among those of a caller, which may have others of the same names, such as `split`. */
export function readerOptions(options: SourceOptions): ReaderOptions {
  const { classes, labels, imageColumn, labelColumn, topFolders, encoding, delimiter } = options;
  const { transpose, maxPixels = DEFAULT_MAX_PIXELS, limitName } = options;
  const columns = { imageColumn, labelColumn, encoding, delimiter };
  return { ...columns, classes, labels, topFolders, transpose, maxPixels, limitName };
}

/** The items of a reader, with the names of classes and groups in their normal form. */
export async function* withNormalNames(items: AsyncIterable<SourceItem>): AsyncGenerator<SourceItem> {
  for await (const item of items) yield normalized(item);
}

function normalized(item: SourceItem): SourceItem {
  if ('classes' in item) return { classes: distinctNames(item.classes.map(normalName)) };
  if (!('picture' in item)) return item;
  const { label, group } = item;
  return {
    ...item,
    label: typeof label === 'string' ? normalName(label) : label,
    ...(group !== undefined && { group: normalName(group) }),
  };
}

/** Usual names of the splits. */
const SPLIT_WORDS: Readonly<Record<string, SplitName>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
  t10k: 'test',
};

/** The split that a file or folder name stands for, such as `val` or MNIST's `t10k`. */
export function splitOfWord(word: string): SplitName | undefined {
  return Object.hasOwn(SPLIT_WORDS, word.toLowerCase()) ? SPLIT_WORDS[word.toLowerCase()] : undefined;
}

/** The split that a word of a folder's name stands for, such as `training_set`; undefined if words disagree. */
export function splitOfFolder(name: string): SplitName | undefined {
  const found = new Set(name.split(/[-._ ]+/).flatMap((word) => splitOfWord(word) ?? []));
  return found.size === 1 ? [...found][0] : undefined;
}

/** The split that the first word of a file name stands for, such as `train-00000-of-00001.parquet`. */
export function splitOfFile(name: string): SplitName | undefined {
  return splitOfWord(name.split(/[-._]/)[0]!);
}

/** Why a sample could not be used, in a sentence or two. */
export function reasonOf({ message, details }: RobleError): string {
  return details.received === undefined ? message : `${message} Received: ${String(details.received)}.`;
}

/** How many samples could not be used, by the code of the reason. */
export function countByCode(
  unusable: readonly { readonly code: ErrorCode }[],
): Partial<Record<ErrorCode, number>> {
  const counts: Partial<Record<ErrorCode, number>> = {};
  for (const { code } of unusable) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** What a writer of a foreign format gets: what to write, and a stream of the samples. */
export interface ExportSource {
  readonly manifest: DatasetManifest;
  /** The splits to write; the data set has each of them. */
  readonly splits: readonly SplitName[];
  /** Whether samples have groups. */
  readonly hasGroups: boolean;
  /** Largest file, in bytes of pixels, of a format that divides a split into files. */
  readonly maxFileBytes: number;
  samples(split: SplitName): AsyncIterable<PackedSample>;
}

/** A number as text that sorts as the number does. */
export function paddedNumber(value: number, count: number): string {
  return String(value).padStart(Math.max(5, String(count - 1).length), '0');
}
