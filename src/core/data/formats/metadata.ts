import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseJson, streamPlainFile } from '../../base/storage/read-file.js';
import { ENCODING_STEP, textLines } from '../../base/storage/text-file.js';
import { readCsvFile } from './csv.js';
import { FileFinder } from './file-finder.js';
import { badRow, findColumns, type ListColumns, listedPicture, unlistedPictures } from './picture-list.js';
import { type ReaderOptions, type SourceItem, splitOfWord } from './source.js';

const METADATA = /^metadata\.(csv|jsonl)$/;

/** Whether a file's name is that of the list of an `imagefolder`. */
export function isMetadata(name: string): boolean {
  return METADATA.test(name);
}

/** The lists of an `imagefolder`: at its top, or in the folders of its splits. */
export async function metadataIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).sort();
  const top = names.filter(isMetadata).map((name) => join(folder, name));
  if (top.length > 0) return top;
  const inside: string[] = [];
  for (const name of names.filter(splitOfWord)) {
    // The reader of the format reports what cannot be read.
    const listed = await readdir(join(folder, name)).catch((): string[] => []);
    inside.push(...listed.filter(isMetadata).map((file) => join(folder, name, file)));
  }
  return inside;
}

/**
 * Reads an `imagefolder` of Hugging Face: pictures beside a `metadata.csv` or `metadata.jsonl` with the file (`file_name`)
 * and the label of each. The split is the folder that the list lies in, or the first folder of the file.
 *
 * @throws {RobleError} `ROBLE_CSV_INVALID` when a column is missing. A malformed row is a bad sample.
 */
export async function* readHuggingFaceFolder(
  path: string,
  options: ReaderOptions,
): AsyncGenerator<SourceItem> {
  const lists = isMetadata(basename(path)) ? [path] : await metadataIn(path);
  const finder = new FileFinder();
  for (const list of lists) {
    const own = { ...options, split: options.split ?? splitOfWord(basename(dirname(list))) };
    const items = list.endsWith('.csv') ? readCsvFile(list, own, finder) : readJsonLines(list, own, finder);
    for await (const item of items) yield withSplit(item);
  }
  yield* unlistedPictures(isMetadata(basename(path)) ? dirname(path) : path, lists, finder);
}

/** In a list at the top the path of each file begins with its split, such as `train/0001.png`. */
function withSplit(item: SourceItem): SourceItem {
  if (!('picture' in item) || item.split !== undefined) return item;
  const split = splitOfWord(item.source.split('/')[0]!);
  return split === undefined ? item : { ...item, split };
}

async function* readJsonLines(
  path: string,
  options: ReaderOptions,
  finder: FileFinder,
): AsyncGenerator<SourceItem> {
  const bytes = await streamPlainFile(path);
  try {
    let line = 0;
    let names: readonly string[] = [];
    let columns: ListColumns | undefined;
    for await (const text of textLines(bytes, path, {
      encoding: options.encoding,
      nextStep: ENCODING_STEP,
    })) {
      line += 1;
      if (text.trim() === '') continue;
      const row = objectOf(text);
      if (!row) {
        yield badRow(path, line, 'The line is not a JSON object.', { received: text.slice(0, 80) });
        continue;
      }
      if (!columns) {
        names = [...row.keys()];
        columns = findColumns(path, names, options);
      }
      const fields = names.map((name) => fieldOf(row.get(name)));
      yield await listedPicture(path, { line, fields }, columns, options, finder);
    }
  } finally {
    bytes.destroy();
  }
}

/** A map, because keys may have any name, also those that objects inherit. */
function objectOf(text: string): Map<string, unknown> | undefined {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}

/** Text, numbers and truth values as text; a list or an object is no label. */
function fieldOf(value: unknown): string {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : '';
}
