import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { streamPlainFile } from '../../base/storage/read-file.js';
import { ENCODING_STEP, textLines } from '../../base/storage/text-file.js';
import { CsvRows } from './csv-rows.js';
import { FileFinder } from './file-finder.js';
import { badRow, findColumns, listedPicture, problemsOfHeader, unlistedPictures } from './picture-list.js';
import { type ReaderOptions, type SourceItem, splitOfWord } from './source.js';

const QUOTED = 'quotes around the whole field, and those in it written twice: "5"" disk"';

/**
 * Reads a CSV file with a header and the columns `image` (a path, relative to the CSV file) and `label`, or those of
 * `imageColumn` and `labelColumn`, or similar names, and if there are any `group` (or the column of `groupBy`) and `split`.
 * Several files in a folder must be named for their splits. A warning names pictures that lie beside the listed ones and are
 * not listed.
 *
 * @throws {RobleError} `ROBLE_CSV_INVALID` when a column is missing. A malformed row is a bad sample.
 */
export async function* readCsv(path: string, options: ReaderOptions): AsyncGenerator<SourceItem> {
  const files = (await stat(path)).isDirectory() ? await csvFilesIn(path) : [path];
  const finder = new FileFinder();
  for (const file of files) {
    const split =
      options.split ?? (files.length > 1 ? splitOfWord(basename(file, extname(file))) : undefined);
    yield* readCsvFile(file, { ...options, split }, finder);
  }
  // Another list in the folder may be what lists the rest.
  const folder = dirname(files[0]!);
  if (files.length === (await csvNamesIn(folder)).length) yield* unlistedPictures(folder, files, finder);
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

/** The samples of one CSV file. */
export async function* readCsvFile(
  path: string,
  options: ReaderOptions,
  finder: FileFinder,
): AsyncGenerator<SourceItem> {
  const { encoding, delimiter } = options;
  const bytes = await streamPlainFile(path);
  try {
    const rows = new CsvRows(textLines(bytes, path, { encoding, nextStep: ENCODING_STEP }));
    const header = await rows.header(delimiter, (names) => problemsOfHeader(names, options).length === 0);
    const columns = findColumns(path, header?.names ?? [], options);
    for await (const row of rows.rows(header!))
      yield 'problem' in row
        ? badRow(path, row.line, `The row cannot be read: ${row.problem}.`, { expected: QUOTED })
        : await listedPicture(path, row, columns, options, finder);
  } finally {
    bytes.destroy();
  }
}
