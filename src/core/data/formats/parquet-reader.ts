import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FileMetaData, ParquetRow, RowGroup, SchemaTree } from 'hyparquet';
import { optional } from '../../base/collections.js';
import { RobleError, unreadableFile } from '../../base/errors.js';
import { systemKind } from '../../base/storage/walk-folder.js';
import { formatCount } from '../../base/text/text.js';
import { ParquetProcess } from './parquet-process.js';
import { type BadSample, type ReaderOptions, type SourceItem, splitOfFile, splitOfWord } from './source.js';

/** Unpacked bytes that a row group may have; one is in memory at a time. */
const MAX_GROUP_BYTES = 2 ** 30;
/** Depth of folders below the given one: Hugging Face has `data/x.parquet`, and `CONFIG/SPLIT/0000.parquet`. */
const MAX_DEPTH = 2;

/** Whether a file's name is that of a Parquet file. */
export function isParquetFile(name: string): boolean {
  return /^[^.].*\.parquet$/.test(name);
}

/**
 * The Parquet files in a folder and the folders below it, sorted, links followed.
 *
 * @param unusable receives the folders that cannot be read
 * @param depth how many folders deep to look
 */
export async function parquetFilesIn(
  folder: string,
  unusable: BadSample[] = [],
  depth = MAX_DEPTH,
): Promise<string[]> {
  const files: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry;
    const path = join(folder, name);
    if (isParquetFile(name)) files.push(path);
    if (entry.isFile() || systemKind(name) !== undefined || depth === 0 || isParquetFile(name)) continue;
    try {
      if ((await stat(path)).isDirectory()) files.push(...(await parquetFilesIn(path, unusable, depth - 1)));
    } catch (cause) {
      unusable.push({ source: name, error: unreadableFile(cause as NodeJS.ErrnoException, path) });
    }
  }
  return files;
}

/**
 * Reads Parquet files with a column of encoded images (a struct with `bytes`, or plain binary) and a column of labels, as
 * the image data sets of Hugging Face are stored: labels are names, or indices into the names of a `ClassLabel`. The
 * split is in the name of the file (`train-00000-of-00001.parquet`) or of its folder. One row group is in memory at a
 * time.
 *
 * @throws {RobleError} `ROBLE_PARQUET_INVALID`, `ROBLE_SOURCE_UNKNOWN`. A row without a picture is a bad sample.
 */
export async function* readParquet(path: string, options: ReaderOptions): AsyncGenerator<SourceItem> {
  const unusable: BadSample[] = [];
  const files = (await stat(path)).isDirectory() ? await parquetFilesIn(path, unusable) : [path];
  yield* unusable;
  refuseSeveral(path, files);
  const decoder = new ParquetProcess(options.signal);
  try {
    for (const file of files)
      yield* readRows(file, decoder, { ...options, split: options.split ?? splitOfPath(file) });
  } finally {
    decoder.close();
  }
}

/** `0000.parquet` says nothing; its folder `train` does. */
const splitOfPath = (file: string) => splitOfFile(basename(file)) ?? splitOfWord(basename(dirname(file)));

/** Several folders that are not splits are variants of the data, which do not belong together. */
function refuseSeveral(path: string, files: readonly string[]): void {
  const folders = files.map(dirname);
  const sets = new Set(folders.map((folder) => (splitOfWord(basename(folder)) ? dirname(folder) : folder)));
  if (sets.size > 1)
    throw new RobleError('ROBLE_SOURCE_UNKNOWN', `${path} holds several data sets.`, {
      received: [...sets],
      expected: 'Parquet files in one folder, or in one for each split',
      nextSteps: ['Name the folder that you mean.'],
    });
}

async function* readRows(
  path: string,
  decoder: ParquetProcess,
  options: ReaderOptions,
): AsyncGenerator<SourceItem> {
  const { metadata, schema } = await decoder.open(path);
  const columns = findImageColumns(path, metadata, schema, options);
  const { image, label, group, names } = columns;
  if (names && !options.classes) yield { classes: names };
  const wanted = [...new Set([image, label, ...(group === undefined ? [] : [group])])];
  let start = 0;
  for (const rowGroup of metadata.row_groups) {
    const bytes = refuseLarge(path, rowGroup, wanted);
    const end = start + Number(rowGroup.num_rows);
    for await (const row of decoder.rows(start, end, wanted, bytes))
      yield rowToItem(`${basename(path)}#${start++}`, row, columns, options);
    start = end;
  }
}

/** @returns the unpacked bytes of the columns of a row group */
function refuseLarge(path: string, group: RowGroup, columns: readonly string[]): number {
  const bytes = group.columns
    .filter(({ meta_data: chunk }) => columns.includes(chunk?.path_in_schema[0] ?? ''))
    .reduce((sum, { meta_data: chunk }) => sum + Number(chunk!.total_uncompressed_size), 0);
  if (bytes > MAX_GROUP_BYTES)
    throw new RobleError('ROBLE_PARQUET_INVALID', `A row group of ${path} does not fit into the memory.`, {
      received: `${formatCount(bytes)} bytes in ${formatCount(Number(group.num_rows))} rows`,
      expected: `at most ${formatCount(MAX_GROUP_BYTES)} bytes in a row group`,
      nextSteps: ['Write the file again with fewer rows in a row group, such as 1000.'],
    });
  return bytes;
}

function rowToItem(
  source: string,
  row: ParquetRow,
  columns: ImageColumns,
  options: ReaderOptions,
): SourceItem {
  const { image, label, group, names } = columns;
  const bytes = bytesOf(row[image]);
  if (bytes === undefined)
    return bad(source, 'The row has no picture.', row[image] == null ? 'null' : 'a path without bytes');
  const found = labelOf(row[label], names, options);
  if (found === undefined)
    return bad(source, 'The row has no label, or one that is not among the names in the file.', row[label]);
  return {
    source,
    label: found,
    ...optional('group', group === undefined || row[group] == null ? undefined : String(row[group])),
    ...optional('split', options.split),
    picture: { kind: 'encoded', from: bytes },
  };
}

function bad(source: string, message: string, received: unknown): SourceItem {
  return { source, error: new RobleError('ROBLE_PARQUET_INVALID', message, { received: String(received) }) };
}

/** The bytes of a struct `{ bytes, path }` or of plain binary; undefined for null, or for a picture in another file. */
function bytesOf(value: unknown): Uint8Array | undefined {
  const bytes = value instanceof Uint8Array ? value : (value as { bytes?: unknown } | null)?.bytes;
  return bytes instanceof Uint8Array ? bytes : undefined;
}

/** Text as it is, and numbers by their names; without names a number is a name itself, unless labels are indices. */
function labelOf(
  value: unknown,
  names: readonly string[] | undefined,
  { labels }: ReaderOptions,
): string | number | undefined {
  if (value === null || value === undefined || value === '') return undefined;
  if (labels === 'index') return Number(value);
  if (typeof value === 'string' || names === undefined) return String(value);
  return names[Number(value)];
}

/** The columns of a Parquet file that are read. */
export interface ImageColumns {
  readonly image: string;
  readonly label: string;
  readonly group?: string;
  /** Names of the labels, if the labels are indices into them. */
  readonly names?: readonly string[];
}

/** What the library `datasets` of Hugging Face writes about a column. */
interface Feature {
  readonly _type?: string;
  readonly names?: readonly string[];
}
type Features = Readonly<Record<string, Feature>>;

const IMAGE_NAMES = ['image', 'img', 'picture', 'pixel_values'];
const LABEL_NAMES = ['label', 'labels', 'class'];

/**
 * Finds the columns of images and labels: those that the caller names, else those that the file's own metadata declares
 * (`Image` and `ClassLabel` of Hugging Face), else the only possible ones, else those with a usual name.
 *
 * @throws {RobleError} `ROBLE_PARQUET_INVALID` with the columns that there are and the flag that chooses
 */
function findImageColumns(
  path: string,
  metadata: FileMetaData,
  schema: SchemaTree,
  { imageColumn, labelColumn, groupBy }: ReaderOptions,
): ImageColumns {
  const features = featuresOf(metadata);
  const choose = (kind: ColumnKind, given: string | undefined) =>
    chooseColumn(path, schema.children, features, kind, given);
  const image = choose(IMAGES, imageColumn);
  const label = choose(LABELS, labelColumn);
  const group = groupBy ?? 'group';
  const hasGroup = schema.children.some(({ element }) => element.name === group);
  if (groupBy !== undefined && groupBy !== 'none' && !hasGroup)
    throw columnError(path, schema.children, `has no column "${groupBy}"`, 'group', '--group-by');
  return {
    image,
    label,
    ...optional('group', hasGroup && groupBy !== 'none' ? group : undefined),
    ...optional('names', features[label]?._type === 'ClassLabel' ? features[label].names : undefined),
  };
}

interface ColumnKind {
  readonly what: string;
  readonly flag: string;
  /** The type that Hugging Face gives such a column. */
  readonly feature: string;
  readonly usual: readonly string[];
  fits(column: SchemaTree): boolean;
}

const IMAGES: ColumnKind = {
  what: 'images (a struct with "bytes", or binary)',
  flag: '--image-column',
  feature: 'Image',
  usual: IMAGE_NAMES,
  fits: (column) => column.children.some(isBytes) || isBinary(column),
};

const LABELS: ColumnKind = {
  what: 'labels (whole numbers or text)',
  flag: '--label-column',
  feature: 'ClassLabel',
  usual: LABEL_NAMES,
  fits: isLabel,
};

function chooseColumn(
  path: string,
  columns: readonly SchemaTree[],
  features: Features,
  { what, flag, feature, usual, fits }: ColumnKind,
  given: string | undefined,
): string {
  const possible = columns.filter(fits).map(({ element }) => element.name);
  if (given !== undefined) {
    if (possible.includes(given)) return given;
    throw columnError(path, columns, `has no column "${given}" of ${what}`, what, flag);
  }
  const declared = possible.filter((name) => features[name]?._type === feature);
  for (const names of [declared, possible]) if (names.length === 1) return names[0]!;
  const named = (declared.length > 0 ? declared : possible).filter((name) =>
    usual.includes(name.toLowerCase()),
  );
  if (named.length === 1) return named[0]!;
  const problem = possible.length === 0 ? `has no column of ${what}` : `has several columns of ${what}`;
  throw columnError(path, columns, problem, what, flag);
}

function columnError(
  path: string,
  columns: readonly SchemaTree[],
  problem: string,
  what: string,
  flag: string,
): RobleError {
  return new RobleError('ROBLE_PARQUET_INVALID', `${path} ${problem}.`, {
    received: columns.map((column) => `${column.element.name} (${typeOf(column)})`).join(', '),
    expected: `one column of ${what}`,
    nextSteps: [`Name the column with ${flag}.`],
  });
}

function typeOf({ element, children }: SchemaTree): string {
  if (children.length > 0) return `struct of ${children.map((child) => child.element.name).join(', ')}`;
  return (element.logical_type?.type ?? element.converted_type ?? element.type ?? 'unknown').toLowerCase();
}

function isBytes(column: SchemaTree): boolean {
  return column.element.name === 'bytes' && isBinary(column);
}

function isText({ element }: SchemaTree): boolean {
  return element.converted_type === 'UTF8' || element.logical_type?.type === 'STRING';
}

function isBinary(column: SchemaTree): boolean {
  const { element } = column;
  return element.type === 'BYTE_ARRAY' && !isText(column) && !element.converted_type && !element.logical_type;
}

/** Dates, times and decimals are stored as numbers too. */
function isLabel(column: SchemaTree): boolean {
  const {
    type,
    converted_type: converted,
    logical_type: logical,
    repetition_type: repetition,
  } = column.element;
  if (repetition === 'REPEATED') return false;
  if (isText(column)) return true;
  if (type !== 'INT32' && type !== 'INT64') return false;
  return (
    (converted === undefined || /^U?INT_/.test(converted)) &&
    (logical === undefined || logical.type === 'INTEGER')
  );
}

/** The metadata under the key `huggingface`; a file of another origin has none, or something else. */
function featuresOf({ key_value_metadata: pairs }: FileMetaData): Features {
  const text = pairs?.find(({ key }) => key === 'huggingface')?.value;
  if (text === undefined) return {};
  try {
    const features: unknown = JSON.parse(text)?.info?.features;
    return typeof features === 'object' && features !== null ? (features as Features) : {};
  } catch {
    return {};
  }
}
