import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../../errors.js';
import { ENCODING_STEP } from '../../storage/text-file.js';
import { countOf, examples } from '../../text.js';
import { readClassList } from '../class-list.js';
import type { SplitName } from '../format.js';
import { classOfFolder } from '../safe-names.js';
import { optional, type ReaderOptions, type SourceItem, splitOfWord } from '../sample.js';

/**
 * Reads a folder for each class: `CLASS/...`, or `train/CLASS/...` and `val/CLASS/...` where the split is given. A class
 * folder may be named by the codes of its characters (`U+0041`), for classes that are no file names or differ only in
 * case. A `classes.txt` at the top gives the order of the classes.
 */
export async function* readImageFolder(path: string, options: ReaderOptions): AsyncGenerator<SourceItem> {
  if (options.groupBy !== undefined && options.groupBy !== 'none')
    throw new RobleError('ROBLE_USAGE', 'A folder of images has no field to group by.', {
      received: options.groupBy,
      expected: 'a CSV or Parquet file with such a column, or strokes',
    });
  const listed =
    options.classes === undefined
      ? await readClassList(path, { encoding: options.encoding, nextStep: ENCODING_STEP })
      : undefined;
  if (listed) yield { classes: listed };
  const classes = options.classes ?? listed;
  const folders = await foldersIn(path);
  const splits = folders.map(splitOfWord);
  const given = splits.length > 0 && splits.every((split) => split !== undefined);
  if (!given) yield* readClasses(path, '', options.split, classes);
  else
    for (const [i, folder] of folders.entries())
      yield* readClasses(path, `${folder}/`, options.split ?? splits[i], classes);
}

async function* readClasses(
  root: string,
  prefix: string,
  split: SplitName | undefined,
  classes: readonly string[] | undefined,
): AsyncGenerator<SourceItem> {
  const empty: string[] = [];
  for (const folder of await foldersIn(join(root, prefix))) {
    const files = await filesIn(join(root, prefix, folder));
    if (files.length === 0) empty.push(`${prefix}${folder}`);
    for (const file of files)
      yield {
        source: `${prefix}${folder}/${file}`,
        label: classOfFolder(folder, classes),
        ...optional('split', split),
        picture: { kind: 'encoded', read: () => readFile(join(root, prefix, folder, file)) },
      };
  }
  if (empty.length > 0)
    yield { warning: `${countOf(empty.length, 'class folder')} without a file: ${examples(empty)}` };
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
