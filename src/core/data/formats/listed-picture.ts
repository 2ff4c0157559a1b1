import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';
import { type ErrorDetails, RobleError } from '../../base/errors.js';
import { isPictureName } from '../../image/find-pictures.js';
import { readPlainFile } from '../../base/storage/read-file.js';
import { countOf, examples } from '../../base/text.js';
import type { SplitName } from '../dataset/format.js';
import { type BadSample, optional, type ReaderOptions, type SourceItem, splitOfWord } from './sample.js';
import type { FileFinder, Found, Unclear } from './file-finder.js';
import type { ListColumns } from './list-columns.js';

/** A row of a list of pictures. */
export interface ListRow {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * The sample that a row of a list says.
 *
 * @param path of the list, which pictures lie beside
 */
export async function listedPicture(
  path: string,
  { line, fields }: ListRow,
  columns: ListColumns,
  options: ReaderOptions,
  finder: FileFinder,
): Promise<SourceItem> {
  const place = `${basename(path)}:${line}`;
  const bad = (message: string, details: ErrorDetails) => badRow(path, line, message, details);
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
  try {
    const found = await fileOf(path, image, place, options, finder);
    return {
      source: image,
      label: options.labels === 'index' ? Number(label) : label,
      ...optional('group', group === '' ? undefined : group),
      ...optional('split', split),
      picture: {
        kind: 'encoded',
        read: () => readPlainFile(found.path),
        ...(found.notice !== undefined && { notices: [found.notice] }),
      },
    };
  } catch (error) {
    return { source: image, error: RobleError.from(error) };
  }
}

/** A row that says no sample. */
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
  place: string,
  options: ReaderOptions,
  finder: FileFinder,
): Promise<Found> {
  const folder = dirname(path);
  const found = await findImage(folder, image, options, finder);
  if (found === 'outside')
    throw new RobleError('ROBLE_CSV_INVALID', 'The image lies outside of the source.', { received: image });
  if (found === undefined)
    throw new RobleError('ROBLE_FILE_NOT_FOUND', `There is no such file beside the list (${place}).`, {
      received: image,
      expected: `a path relative to ${folder}, or the name of a picture in a folder there`,
    });
  if ('path' in found) return found;
  const names = found.candidates.map((file) => relative(folder, file));
  throw new RobleError('ROBLE_CSV_INVALID', `Several files may be meant (${place}).`, {
    received: examples(names),
    expected: 'the path of one of them',
  });
}

/**
 * The file of an image: under its path as it is, or with a slash for each backslash, as Windows writes paths, or in a
 * folder beside the list, which lists of names and ids leave out.
 */
async function findImage(
  folder: string,
  image: string,
  { confined }: ReaderOptions,
  finder: FileFinder,
): Promise<Found | Unclear | 'outside' | undefined> {
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
  const way = relative(folder, file);
  return way.startsWith('..') || isAbsolute(way);
}

/** What to say of pictures that lie beside those of lists, and are in none. */
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
