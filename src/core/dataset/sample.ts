import type { RobleError } from '../errors.js';
import type { PixelShape } from '../image/preprocess.js';
import type { Stroke } from '../strokes/rasterize.js';
import type { SplitName } from './format.js';

/** A picture as its source holds it. */
export type Picture =
  | { readonly kind: 'encoded'; read(): Promise<Uint8Array>; readonly notices?: readonly string[] }
  | { readonly kind: 'pixels'; readonly pixels: Uint8Array; readonly shape: PixelShape }
  /** What a model saw, uint8 [height, width, channels] of the preprocessing: nothing is left to do. */
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
  | { readonly warning: string }
  /** The names of its classes in their order; those without a sample become no class. */
  | { readonly classes: readonly string[] };

export type SourceItem = SourceSample | BadSample | SourceRemark;

export interface ReaderOptions {
  /** Put on every sample, instead of what the source says. */
  readonly split?: SplitName | undefined;
  /** The field (CSV column, stroke property) that holds the group; `none`: no groups. */
  readonly groupBy?: string | undefined;
  /** Whether text labels are class names or indices into the classes. */
  readonly labels?: 'name' | 'index' | undefined;
  /** The classes as the caller lists them; a list beside the data is not read then. */
  readonly classes?: readonly string[] | undefined;
  /** Columns of pictures and labels, instead of the usual names. */
  readonly imageColumn?: string | undefined;
  readonly labelColumn?: string | undefined;
  /** Encoding of text files that have no byte order mark; default UTF-8. */
  readonly encoding?: string | undefined;
  /** What separates the columns of a CSV file; default: found by its header. */
  readonly delimiter?: string | undefined;
  /** Whether the caller says that pictures are to be transposed, or that they are not. */
  readonly transpose?: boolean | undefined;
  /** Largest raw picture, in pixels. */
  readonly maxPixels: number;
  /** Whether paths in the source must stay inside it, as in an archive of a stranger. */
  readonly confined?: boolean | undefined;
}

/** Names that the world uses for the splits. */
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

/** The split that the first word of a file name stands for, such as `train-00000-of-00001.parquet`. */
export function splitOfFile(name: string): SplitName | undefined {
  return splitOfWord(name.split(/[-._]/)[0]!);
}

/** Spreads into an object: the key only when there is a value. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
