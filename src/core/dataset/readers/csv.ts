import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { RobleError } from '../../errors.js';
import { IMAGE_EXTENSIONS } from '../../image/extensions.js';
import { countOf, examples } from '../../text.js';
import type { SplitName } from '../format.js';
import { type BadSample, optional, type ReaderOptions, type SourceItem, splitOfWord } from '../sample.js';
import { FileFinder } from './file-finder.js';

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
  const { parse } = await import('csv-parse');
  const rows = createReadStream(path).pipe(
    parse({ bom: true, relax_column_count: true, trim: true, info: true, skip_empty_lines: true }),
  );
  let columns: Columns | undefined;
  try {
    for await (const { record, info } of rows as AsyncIterable<{
      record: string[];
      info: { lines: number };
    }>) {
      if (columns) yield await rowToItem(path, record, info.lines, columns, options, finder);
      else columns = findColumns(path, record, options);
    }
  } catch (cause) {
    if (cause instanceof RobleError || !String((cause as NodeJS.ErrnoException).code).startsWith('CSV_'))
      throw cause;
    throw new RobleError('ROBLE_CSV_INVALID', `${path} is no CSV file: ${(cause as Error).message}`, {
      cause,
    });
  }
}

interface Columns {
  readonly count: number;
  readonly image: number;
  readonly label: number;
  readonly group: number;
  readonly split: number;
}

function findColumns(path: string, header: string[], options: ReaderOptions): Columns {
  const { groupBy, imageColumn = 'image', labelColumn = 'label' } = options;
  const required = [imageColumn, labelColumn, ...(groupBy && groupBy !== 'none' ? [groupBy] : [])];
  const missing = required.filter((name) => !header.includes(name));
  if (missing.length > 0)
    throw new RobleError(
      'ROBLE_CSV_INVALID',
      `${path} lacks the column ${missing.map((name) => `"${name}"`).join(' and ')}.`,
      {
        received: header,
        expected: 'a header with image and label, and if you like group and split',
        nextSteps: ['Name other columns with --image-column and --label-column.'],
      },
    );
  return {
    count: header.length,
    image: header.indexOf(imageColumn),
    label: header.indexOf(labelColumn),
    group: groupBy === 'none' ? -1 : header.indexOf(groupBy ?? 'group'),
    split: header.indexOf('split'),
  };
}

async function rowToItem(
  path: string,
  row: string[],
  line: number,
  columns: Columns,
  options: ReaderOptions,
  finder: FileFinder,
): Promise<SourceItem> {
  const bad = (message: string, received: unknown): BadSample => ({
    source: `${basename(path)}:${line}`,
    error: new RobleError('ROBLE_CSV_INVALID', message, { received }),
  });
  if (row.length !== columns.count)
    return bad(`The row has another number of columns than the header (${columns.count}).`, row.length);
  const image = row[columns.image]!;
  const label = row[columns.label]!;
  if (image === '' || label === '') return bad('The row has an empty image or label.', row);
  const file = resolve(dirname(path), image);
  if (options.confined && leaves(dirname(path), file))
    return bad('The image lies outside of the source.', image);
  const word = row[columns.split] ?? '';
  const split: SplitName | undefined = options.split ?? splitOfWord(word);
  if (word !== '' && split === undefined)
    return bad('The split is none of train, validation and test.', word);
  const group = row[columns.group];
  const found = await finder.find(file);
  if (found === undefined)
    return {
      source: image,
      error: new RobleError('ROBLE_FILE_NOT_FOUND', 'There is no such file beside the CSV file.'),
    };
  return {
    source: image,
    label: options.labels === 'index' ? Number(label) : label,
    ...optional('group', group === '' ? undefined : group),
    ...optional('split', split),
    picture: {
      kind: 'encoded',
      read: () => readFile(found),
      ...(found !== file && { notices: ['found under a name that differs in upper and lower case'] }),
    },
  };
}

function leaves(folder: string, file: string): boolean {
  const way = relative(folder, file);
  return way.startsWith('..') || isAbsolute(way);
}
