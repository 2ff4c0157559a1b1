import type { FileMetaData, SchemaTree } from 'hyparquet';
import { RobleError } from '../../base/errors.js';
import { optional, type ReaderOptions } from './sample.js';

/** The columns of a Parquet file that are read. */
export interface ImageColumns {
  readonly image: string;
  readonly label: string;
  readonly group?: string;
  /** Names of the labels, where the labels are indices into them. */
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
 * Finds the columns of images and labels: those that the caller names, else those that the file's own metadata says
 * (`Image` and `ClassLabel` of Hugging Face), else the only ones that can be, else those with a usual name.
 *
 * @throws {RobleError} `ROBLE_PARQUET_INVALID` with the columns that there are and the flag that chooses
 */
export function findImageColumns(
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
  const able = columns.filter(fits).map(({ element }) => element.name);
  if (given !== undefined) {
    if (able.includes(given)) return given;
    throw columnError(path, columns, `has no column "${given}" of ${what}`, what, flag);
  }
  const said = able.filter((name) => features[name]?._type === feature);
  for (const names of [said, able]) if (names.length === 1) return names[0]!;
  const named = (said.length > 0 ? said : able).filter((name) => usual.includes(name.toLowerCase()));
  if (named.length === 1) return named[0]!;
  const problem = able.length === 0 ? `has no column of ${what}` : `has several columns of ${what}`;
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

/** The metadata under the key `huggingface`; a file of another origin has none, or something else there. */
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
