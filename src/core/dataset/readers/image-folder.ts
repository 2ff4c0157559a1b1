import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../../errors.js';
import type { SplitName } from '../format.js';
import { optional, type ReaderOptions, type SourceItem, splitOfWord } from '../sample.js';

/**
 * Reads a folder for each class: `CLASS/...`, or `train/CLASS/...` and `val/CLASS/...` where the split is given. A class
 * folder may be named by its character's code (`U+0041`), for characters that are no file names or differ only in case.
 */
export async function* readImageFolder(path: string, options: ReaderOptions): AsyncGenerator<SourceItem> {
  if (options.groupBy !== undefined && options.groupBy !== 'none')
    throw new RobleError('ROBLE_USAGE', 'A folder of images has no field to group by.', {
      received: options.groupBy,
      expected: 'a CSV file with such a column, or strokes',
    });
  const folders = await foldersIn(path);
  const splits = folders.map(splitOfWord);
  const given = splits.length > 0 && splits.every((split) => split !== undefined);
  if (!given) yield* readClasses(path, '', options.split);
  else
    for (const [i, folder] of folders.entries())
      yield* readClasses(path, `${folder}/`, options.split ?? splits[i]);
}

async function* readClasses(
  root: string,
  prefix: string,
  split: SplitName | undefined,
): AsyncGenerator<SourceItem> {
  for (const folder of await foldersIn(join(root, prefix)))
    for (const file of await filesIn(join(root, prefix, folder)))
      yield {
        source: `${prefix}${folder}/${file}`,
        label: classOfFolder(folder),
        ...optional('split', split),
        picture: { kind: 'encoded', read: () => readFile(join(root, prefix, folder, file)) },
      };
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

/** All files below a folder, sorted, so that the order does not depend on the disk. */
async function filesIn(path: string, prefix = ''): Promise<string[]> {
  const files: string[] = [];
  const entries = await readdir(join(path, prefix), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) files.push(...(await filesIn(path, `${prefix}${entry.name}/`)));
    else files.push(prefix + entry.name);
  }
  return files;
}

function classOfFolder(name: string): string {
  const code = /^U\+([0-9A-Fa-f]{4,6})$/.exec(name)?.[1];
  const value = code === undefined ? Number.NaN : Number.parseInt(code, 16);
  return value <= 0x10ffff ? String.fromCodePoint(value) : name;
}
