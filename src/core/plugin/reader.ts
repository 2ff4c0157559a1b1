import type { RobleError } from '../base/errors.js';
import type { PixelShape } from '../image/settings.js';
import type { Stroke } from '../image/strokes/rasterize.js';

/** The splits that roble knows. Training reads `train` and `validation`; `test` is kept for the end. */
export const SPLITS = ['train', 'validation', 'test'] as const;
export type SplitName = (typeof SPLITS)[number];

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
  /** Largest picture that is decoded, in pixels; default 16,777,216. */
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
  /** When it is aborted, a reader throws its reason instead of giving the next sample. */
  readonly signal?: AbortSignal | undefined;
  /** Whether paths in the source must stay inside it, as in an archive from a stranger. */
  readonly confined?: boolean | undefined;
}

/** A source as a user named it, for a reader that asks itself whether it can read it. */
export interface SourceLook {
  readonly path: string;
  readonly isFolder: boolean;
  /** Names of the files and of the folders in a folder, sorted; none of a file. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** Reads a format of data for `data:import`, whose `--format` takes its name. */
export interface Reader {
  readonly name: string;
  /** One line for people. */
  readonly description: string;
  /** Whether a source is of this format, by its names; asked where none in the box knows it. Without it, only `--format` chooses it. */
  recognizes?(source: SourceLook): boolean | Promise<boolean>;
  /**
   * Every sample of a file or folder, in an order that depends on the source alone.
   * A sample that cannot be used is given as a {@link BadSample}; what is thrown ends the import.
   */
  read(path: string, options: ReaderOptions): AsyncIterable<SourceItem>;
}
