import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { groupBy } from '../../base/collections.js';
import { type ErrorDetails, RobleError } from '../../base/errors.js';
import { normalName } from '../../base/names.js';
import { absentAsUndefined, exists } from '../../base/storage/files.js';
import { readPlainFile } from '../../base/storage/read-file.js';
import { countOf, examples } from '../../base/text.js';
import { isPictureName } from '../../image/find-images.js';
import { optional, type SplitName } from '../dataset/format.js';
import type { ListColumns } from './list-columns.js';
import { type BadSample, type ReaderOptions, type SourceItem, splitOfWord } from './source.js';

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
        read: () => readPlainFile(found.path),
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

/** A file that was found, with a notice if its path is not exactly the one that was asked for. */
export interface Found {
  readonly path: string;
  readonly notice?: string;
}

/** Several files, each of which may be the one that was asked for. */
export interface Ambiguous {
  readonly candidates: readonly string[];
}

const folded = (name: string) => normalName(name).toLowerCase();

/** How names may differ, the smallest difference first: the keys of a name that is asked for and of one that is there. */
const FORMS: readonly {
  asked(name: string): string;
  there(name: string): string | undefined;
  readonly notice?: string;
}[] = [
  { asked: (name) => name, there: (name) => name },
  {
    asked: normalName,
    there: normalName,
    notice: 'found under a name that differs in Unicode normalisation',
  },
  { asked: folded, there: folded, notice: 'found under a name that differs in upper and lower case' },
  {
    asked: folded,
    there: (name) => (isPictureName(name) ? folded(name.slice(0, -extname(name).length)) : undefined),
    notice: 'found with the extension of a picture after its name',
  },
];

interface Listed {
  readonly names: readonly string[];
  readonly byForm: readonly ReadonlyMap<string, readonly string[]>[];
}

/**
 * Finds files whose names, or whose folders' names, may differ from those in a list by Unicode normalisation or by upper and
 * lower case, or that it names without their extension. Such names are frequent in lists from Windows and macOS, where case
 * makes no difference, and in lists of ids.
 */
export class FileFinder {
  readonly #folders = new Map<string, Listed | undefined>();
  readonly #used = new Set<string>();

  /**
   * The path itself if it exists, else the only one with the smallest difference, else nothing.
   *
   * @throws {RobleError} `ROBLE_FILE_UNREADABLE` for a folder that may not be listed
   */
  async find(path: string): Promise<Found | Ambiguous | undefined> {
    const found = await this.#look(path);
    if (found && 'path' in found) this.#used.add(found.path);
    return found;
  }

  /** Like {@link find}, in each folder inside another one. */
  async findBelow(folder: string, name: string): Promise<Found | Ambiguous | undefined> {
    const found: Found[] = [];
    for (const inside of (await this.#list(folder))?.names ?? []) {
      if (isPictureName(inside) || !(await this.#list(join(folder, inside)))) continue;
      const one = await this.#look(join(folder, inside, name));
      if (one && 'candidates' in one) return one;
      if (one) found.push({ path: one.path, notice: `found in the folder ${inside}` });
    }
    const [first, ...others] = found;
    if (others.length > 0) return { candidates: found.map(({ path }) => path) };
    if (first) this.#used.add(first.path);
    return first;
  }

  /** Everything in the folders looked into that was never found, sorted. */
  unused(): string[] {
    const all = [...this.#folders].flatMap(([folder, listed]) =>
      (listed?.names ?? []).map((name) => join(folder, name)),
    );
    return all.filter((path) => !this.#used.has(path)).sort();
  }

  async #look(path: string): Promise<Found | Ambiguous | undefined> {
    const parent = dirname(path);
    if (parent === path) return undefined;
    const listed = await this.#list(parent).catch(async (error) => {
      // A folder that may be entered, but not listed.
      if (await exists(path))
        return { names: [basename(path)], byForm: [new Map([[basename(path), [basename(path)]]])] };
      throw error;
    });
    if (listed) return findIn(listed, parent, basename(path));
    // The folder's own name may differ, too.
    const folder = await this.#look(parent).catch(() => undefined);
    if (!folder || 'candidates' in folder) return folder;
    const inside = await this.#list(folder.path);
    return inside && findIn(inside, folder.path, basename(path), folder.notice);
  }

  async #list(folder: string): Promise<Listed | undefined> {
    if (this.#folders.has(folder)) return this.#folders.get(folder);
    const names = await readdir(folder).catch(absentAsUndefined);
    const listed = names && { names, byForm: FORMS.map(({ there }) => groupBy(names, there)) };
    this.#folders.set(folder, listed);
    return listed;
  }
}

function findIn(
  { byForm }: Listed,
  folder: string,
  name: string,
  folderNotice?: string,
): Found | Ambiguous | undefined {
  for (const [i, byName] of byForm.entries()) {
    const { asked, notice = folderNotice } = FORMS[i]!;
    const names = byName.get(asked(name)) ?? [];
    if (names.length > 1) return { candidates: names.map((one) => join(folder, one)) };
    if (names.length === 1) return { path: join(folder, names[0]!), ...optional('notice', notice) };
  }
  return undefined;
}
