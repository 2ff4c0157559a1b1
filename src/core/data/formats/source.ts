import type { ErrorCode, RobleError } from '../../base/errors.js';
import { distinctNames, normalName } from '../../base/text/names.js';
import { DEFAULT_MAX_PIXELS } from '../../image/preprocess.js';
import type { ReaderOptions, SourceItem, SourceOptions } from '../../plugin/reader.js';
import type { DatasetManifest, SplitName } from '../dataset/format.js';
import type { PackedSample } from '../dataset/stream.js';

export type {
  BadSample,
  Picture,
  ReaderOptions,
  SourceItem,
  SourceOptions,
  SourceRemark,
  SourceSample,
  TopFolders,
} from '../../plugin/reader.js';

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
