import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { type ErrorDetails, RobleError } from '../../errors.js';
import { IMAGE_EXTENSIONS } from '../../image/extensions.js';
import { normalName } from '../../names.js';
import { ENCODING_STEP, textLines } from '../../storage/text-file.js';
import { countOf, examples } from '../../text.js';
import type { SplitName } from '../format.js';
import { type BadSample, optional, type ReaderOptions, type SourceItem, splitOfWord } from '../sample.js';
import { type CsvRow, CsvRows } from './csv-rows.js';
import { FileFinder, type Found } from './file-finder.js';

const PICTURE = new RegExp(`\\.(${IMAGE_EXTENSIONS.join('|')})$`, 'i');

/**
 * Reads a CSV file with a header and the columns `image` (a path, relative to the CSV file) and `label`, or those of
 * `imageColumn` and `labelColumn`, and where there are any `group` (or the column of `groupBy`) and `split`. Several files
 * in a folder must be named for their splits. Pictures that lie beside those of the list, but are not in it, are told.
 *
 * @throws {RobleError} `ROBLE_CSV_INVALID` when a column is missing. A malformed row is a bad sample.
 */
export async function* readCsv(path: string, options: ReaderOptions): AsyncGenerator<SourceItem> {
  const files = (await stat(path)).isDirectory() ? await csvFilesIn(path) : [path];
  const finder = new FileFinder();
  for (const file of files) {
    const split =
      options.split ?? (files.length > 1 ? splitOfWord(basename(file, extname(file))) : undefined);
    yield* readFileRows(file, { ...options, split }, finder);
  }
  // Another list in the folder may be what lists the rest.
  if (files.length === (await csvNamesIn(dirname(files[0]!))).length) yield* unlistedPictures(files, finder);
}

function* unlistedPictures(files: readonly string[], finder: FileFinder): Generator<SourceItem> {
  const unlisted = finder.unused().filter((file) => PICTURE.test(file));
  if (unlisted.length === 0) return;
  const some = examples(unlisted.map((file) => relative(dirname(files[0]!), file)));
  const list = files.map((file) => basename(file)).join(', ');
  yield { warning: `${countOf(unlisted.length, 'image')} in the folder not listed in ${list}: ${some}` };
}

/** Whether a file's name is that of a CSV file. */
export function isCsvFile(name: string): boolean {
  return /^[^.].*\.csv$/i.test(name);
}

async function csvNamesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter(isCsvFile).sort();
}

/** The CSV files of a folder. */
async function csvFilesIn(folder: string): Promise<string[]> {
  const names = await csvNamesIn(folder);
  const unnamed = names.filter((name) => splitOfWord(basename(name, extname(name))) === undefined);
  if (names.length > 1 && unnamed.length > 0)
    throw new RobleError('ROBLE_SOURCE_UNKNOWN', `${folder} holds several CSV files.`, {
      received: names,
      expected: 'one, or files named for their splits, such as train.csv and val.csv',
      nextSteps: ['Name the file itself instead of its folder.'],
    });
  return names.map((name) => join(folder, name));
}

async function* readFileRows(
  path: string,
  options: ReaderOptions,
  finder: FileFinder,
): AsyncGenerator<SourceItem> {
  const { encoding, delimiter } = options;
  const text = textLines(createReadStream(path), path, { encoding, nextStep: ENCODING_STEP });
  const rows = new CsvRows(text);
  const header = await rows.header(delimiter, (names) => problemsOf(names, options).length === 0);
  const columns = findColumns(path, header?.names ?? [], options);
  for await (const row of rows.rows(header!)) yield await rowToItem(path, row, columns, options, finder);
}

interface Columns {
  readonly count: number;
  readonly image: number;
  readonly label: number;
  readonly group: number;
  readonly split: number;
}

/** The places of a column: of those with the name as it is, or else of those that differ in case or blanks alone. */
function placesOf(header: readonly string[], name: string): number[] {
  const folded = (text: string) => normalName(text).trim().toLowerCase();
  const exact = [...header.keys()].filter((i) => header[i] === name);
  return exact.length > 0 ? exact : [...header.keys()].filter((i) => folded(header[i]!) === folded(name));
}

/** What keeps a header from being one. */
function problemsOf(header: readonly string[], options: ReaderOptions): string[] {
  const { groupBy, imageColumn = 'image', labelColumn = 'label' } = options;
  const required = [imageColumn, labelColumn, ...(groupBy && groupBy !== 'none' ? [groupBy] : [])];
  const twice = [...required, 'group', 'split'].filter((name) => placesOf(header, name).length > 1);
  return [
    ...required
      .filter((name) => placesOf(header, name).length === 0)
      .map((name) => `lacks the column "${name}"`),
    ...[...new Set(twice)].map((name) => `has the column "${name}" twice`),
  ];
}

function findColumns(path: string, header: readonly string[], options: ReaderOptions): Columns {
  const problems = problemsOf(header, options);
  if (problems.length > 0)
    throw new RobleError('ROBLE_CSV_INVALID', `${path} ${problems.join(' and ')}.`, {
      received: header,
      expected: 'a header with image and label, and if you like group and split',
      nextSteps: [
        'Name other columns with --image-column and --label-column.',
        'Say what separates the columns with --delimiter, where it is no comma, semicolon, tab or "|".',
      ],
    });
  const { groupBy, imageColumn = 'image', labelColumn = 'label' } = options;
  const placeOf = (name: string) => placesOf(header, name)[0] ?? -1;
  return {
    count: header.length,
    image: placeOf(imageColumn),
    label: placeOf(labelColumn),
    group: groupBy === 'none' ? -1 : placeOf(groupBy ?? 'group'),
    split: placeOf('split'),
  };
}

async function rowToItem(
  path: string,
  row: CsvRow,
  columns: Columns,
  options: ReaderOptions,
  finder: FileFinder,
): Promise<SourceItem> {
  const place = `${basename(path)}:${row.line}`;
  const bad = (message: string, details: ErrorDetails): BadSample => ({
    source: place,
    error: new RobleError('ROBLE_CSV_INVALID', message, details),
  });
  if ('problem' in row)
    return bad(`The row cannot be read: ${row.problem}.`, {
      expected: 'quotes around the whole field, and those in it written twice: "5"" disk"',
    });
  const { fields } = row;
  if (fields.length !== columns.count)
    return bad(`The row has another number of columns than the header (${columns.count}).`, {
      received: fields.length,
    });
  const image = fields[columns.image]!;
  const label = fields[columns.label]!;
  if (image === '' || label === '') return bad('The row has an empty image or label.', { received: fields });
  const word = fields[columns.split] ?? '';
  const split: SplitName | undefined = options.split ?? splitOfWord(word);
  if (word !== '' && split === undefined)
    return bad('The split is none of train, validation and test.', { received: word });
  const group = fields[columns.group];
  const found = await findImage(dirname(path), image, options, finder);
  if (found === 'outside') return bad('The image lies outside of the source.', { received: image });
  if (found === undefined)
    return {
      source: image,
      error: new RobleError('ROBLE_FILE_NOT_FOUND', `There is no such file beside the CSV file (${place}).`, {
        received: image,
        expected: `a path relative to ${dirname(path)}`,
      }),
    };
  return {
    source: image,
    label: options.labels === 'index' ? Number(label) : label,
    ...optional('group', group === '' ? undefined : group),
    ...optional('split', split),
    picture: {
      kind: 'encoded',
      read: () => readFile(found.path),
      ...(found.notice !== undefined && { notices: [found.notice] }),
    },
  };
}

/** The file of an image: under its path as it is, or else with a slash for each backslash, as Windows writes paths. */
async function findImage(
  folder: string,
  image: string,
  { confined }: ReaderOptions,
  finder: FileFinder,
): Promise<Found | 'outside' | undefined> {
  const isOutside = (written: string) => confined && leaves(folder, resolve(folder, written));
  if (isOutside(image)) return 'outside';
  const found = await finder.find(resolve(folder, image));
  if (found || !image.includes('\\')) return found;
  const written = image.replaceAll('\\', '/');
  if (isOutside(written)) return 'outside';
  const other = await finder.find(resolve(folder, written));
  return other && { ...other, notice: 'found with "/" for each "\\" of its path' };
}

function leaves(folder: string, file: string): boolean {
  const way = relative(folder, file);
  return way.startsWith('..') || isAbsolute(way);
}
