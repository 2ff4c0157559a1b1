/** Lists of pictures: which columns have what, and the samples that their rows describe. */
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';
import { optional } from '../../base/collections.js';
import { type ErrorDetails, RobleError } from '../../base/errors.js';
import { normalName } from '../../base/text/names.js';
import { countOf, examples } from '../../base/text/text.js';
import { isPictureName } from '../../image/find-images.js';
import type { SplitName } from '../dataset/format.js';
import type { Ambiguous, FileFinder, Found } from './file-finder.js';
import { type BadSample, type ReaderOptions, type SourceItem, splitOfWord } from './source.js';

/** The columns of a list of pictures by their indices; -1 for one that it does not have. */
export interface ListColumns {
  readonly count: number;
  readonly image: number;
  readonly label: number;
  readonly group: number;
  readonly split: number;
}

/** Usual names of the column of pictures: those of a line count only if none of a line before it is there. */
const IMAGE_NAMES: readonly (readonly string[])[] = [
  ['image'],
  [
    'file_name',
    'filename',
    'file',
    'path',
    'file_path',
    'filepath',
    'image_path',
    'image_name',
    'img',
    'img_name',
  ],
  ['image_id', 'img_id', 'id_code', 'image_code', 'id'],
];
const LABEL_NAMES: readonly (readonly string[])[] = [
  ['label'],
  ['class', 'category', 'labels', 'class_name', 'category_name', 'class_label', 'label_name', 'target'],
];

const folded = (name: string): string => normalName(name).trim().toLowerCase();

/** The indices of the columns of a name, exactly as it is or else with differences in case or blanks alone. */
function columnsNamed(header: readonly string[], name: string): number[] {
  const exact = [...header.keys()].filter((i) => header[i] === name);
  return exact.length > 0 ? exact : [...header.keys()].filter((i) => folded(header[i]!) === folded(name));
}

/** The indices of the columns that may be meant. */
function candidates(
  header: readonly string[],
  given: string | undefined,
  usual: readonly (readonly string[])[],
): number[] {
  if (given !== undefined) return columnsNamed(header, given);
  const found = usual.map((names) => names.flatMap((name) => columnsNamed(header, name)));
  return found.find((columns) => columns.length > 0) ?? [];
}

interface Roles {
  readonly image: readonly number[];
  readonly label: readonly number[];
}

function rolesOf(header: readonly string[], { imageColumn, labelColumn }: ReaderOptions): Roles {
  const image = candidates(header, imageColumn, IMAGE_NAMES);
  const label = candidates(header, labelColumn, LABEL_NAMES);
  // If there are two columns, the one without pictures has the labels.
  if (label.length > 0 || labelColumn !== undefined || header.length !== 2 || image.length !== 1)
    return { image, label };
  return { image, label: [1 - image[0]!] };
}

/** Why a header is not that of a list of pictures. */
export function problemsOfHeader(header: readonly string[], options: ReaderOptions): string[] {
  const { groupBy, imageColumn, labelColumn } = options;
  const { image, label } = rolesOf(header, options);
  const group = groupBy === undefined || groupBy === 'none' ? [] : [groupBy];
  const twice = [...group, 'group', 'split'].filter((name) => columnsNamed(header, name).length > 1);
  return [
    ...roleProblem(header, image, imageColumn, 'image'),
    ...roleProblem(header, label, labelColumn, 'label'),
    ...group.filter((name) => columnsNamed(header, name).length === 0).map(lacks),
    ...[...new Set(twice)].map(hasTwice),
  ];
}

const lacks = (name: string) => `lacks the column "${name}"`;
const hasTwice = (name: string) => `has the column "${name}" twice`;

function roleProblem(
  header: readonly string[],
  columns: readonly number[],
  given: string | undefined,
  role: string,
): string[] {
  if (columns.length === 1) return [];
  if (columns.length === 0) return [lacks(given ?? role)];
  const names = [...new Set(columns.map((i) => folded(header[i]!)))];
  return [
    names.length === 1
      ? hasTwice(names[0]!)
      : `has several columns that may be the ${role}: ${names.map((name) => `"${name}"`).join(', ')}`,
  ];
}

/**
 * The columns of a list of pictures: those that the caller names, or those of usual names.
 *
 * @throws {RobleError} `ROBLE_CSV_INVALID` if one is missing, or several may be meant
 */
export function findColumns(path: string, header: readonly string[], options: ReaderOptions): ListColumns {
  const problems = problemsOfHeader(header, options);
  if (problems.length > 0)
    throw new RobleError('ROBLE_CSV_INVALID', `${path} ${problems.join(' and ')}.`, {
      received: header,
      expected: 'a header with image and label, or similar names, and optionally group and split',
      nextSteps: [
        'Name the columns with --image-column and --label-column.',
        'If its first line is a sample, write a header above it: "image,label".',
        'Name the separator of the columns with --delimiter if it is not a comma, semicolon, tab or "|".',
        'If the classes are given by folders, and not by this file, import with --format folder.',
      ],
    });
  const { image, label } = rolesOf(header, options);
  const columnOf = (name: string) => columnsNamed(header, name)[0] ?? -1;
  return {
    count: header.length,
    image: image[0]!,
    label: label[0]!,
    group: options.groupBy === 'none' ? -1 : columnOf(options.groupBy ?? 'group'),
    split: columnOf('split'),
  };
}

/** A row of a list of pictures. */
export interface ListRow {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * The sample that a row of a list describes.
 *
 * @param path of the list; pictures are looked for beside it
 */
export async function listedPicture(
  path: string,
  { line, fields }: ListRow,
  columns: ListColumns,
  options: ReaderOptions,
  finder: FileFinder,
): Promise<SourceItem> {
  const row = `${basename(path)}:${line}`;
  const bad = (message: string, details: ErrorDetails) => badRow(path, line, message, details);
  if (fields.length !== columns.count)
    return bad(`The row does not have as many columns as the header (${columns.count}).`, {
      received: fields.length,
    });
  const image = fields[columns.image]!;
  const label = fields[columns.label]!;
  if (image === '' || label === '') return bad('The row has an empty image or label.', { received: fields });
  const word = fields[columns.split] ?? '';
  const split: SplitName | undefined = options.split ?? splitOfWord(word);
  if (word !== '' && split === undefined)
    return bad('The split is not train, validation or test.', { received: word });
  const group = fields[columns.group];
  try {
    const found = await fileOf(path, image, row, options, finder);
    return {
      source: image,
      label: options.labels === 'index' ? Number(label) : label,
      ...optional('group', group === '' ? undefined : group),
      ...optional('split', split),
      picture: {
        kind: 'encoded',
        from: found.path,
        ...(found.notice !== undefined && { notices: [found.notice] }),
      },
    };
  } catch (error) {
    return { source: image, error: RobleError.from(error) };
  }
}

/** A row that describes no sample. */
export function badRow(path: string, line: number, message: string, details: ErrorDetails): BadSample {
  return {
    source: `${basename(path)}:${line}`,
    error: new RobleError('ROBLE_CSV_INVALID', message, details),
  };
}

/** @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_FILE_UNREADABLE`, `ROBLE_CSV_INVALID` */
async function fileOf(
  path: string,
  image: string,
  row: string,
  options: ReaderOptions,
  finder: FileFinder,
): Promise<Found> {
  const folder = dirname(path);
  const found = await findImage(folder, image, options, finder);
  if (found === 'outside')
    throw new RobleError('ROBLE_CSV_INVALID', 'The image lies outside of the source.', { received: image });
  if (found === undefined)
    throw new RobleError('ROBLE_FILE_NOT_FOUND', `There is no such file beside the list (${row}).`, {
      received: image,
      expected: `a path relative to ${folder}, or the name of a picture in a folder there`,
    });
  if ('path' in found) return found;
  const names = found.candidates.map((file) => relative(folder, file));
  throw new RobleError('ROBLE_CSV_INVALID', `Several files may be meant (${row}).`, {
    received: examples(names),
    expected: 'the path of one of them',
  });
}

/**
 * The file of an image: under its path as it is, or with slashes instead of the backslashes of Windows, or in a folder
 * beside the list, because lists of names and ids often leave the folder out.
 */
async function findImage(
  folder: string,
  image: string,
  { confined }: ReaderOptions,
  finder: FileFinder,
): Promise<Found | Ambiguous | 'outside' | undefined> {
  const isOutside = (written: string) => confined && leaves(folder, resolve(folder, written));
  if (isOutside(image)) return 'outside';
  const found = await finder.find(resolve(folder, image));
  if (found) return found;
  const written = image.replaceAll('\\', '/');
  if (isOutside(written)) return 'outside';
  const other = written === image ? undefined : await finder.find(resolve(folder, written));
  if (other)
    return 'path' in other ? { ...other, notice: 'found with "/" for each "\\" of its path' } : other;
  return written.includes('/') ? undefined : finder.findBelow(folder, written);
}

function leaves(folder: string, file: string): boolean {
  const path = relative(folder, file);
  return path.startsWith('..') || isAbsolute(path);
}

/** A warning about pictures that lie beside listed ones, and that no list names. */
export function* unlistedPictures(
  folder: string,
  lists: readonly string[],
  finder: FileFinder,
): Generator<SourceItem> {
  const unlisted = finder.unused().filter((file) => isPictureName(file));
  if (unlisted.length === 0) return;
  const some = examples(unlisted.map((file) => relative(folder, file)));
  const names = examples(lists.map((file) => relative(folder, file)));
  yield { warning: `${countOf(unlisted.length, 'image')} in the folder not listed in ${names}: ${some}` };
}
