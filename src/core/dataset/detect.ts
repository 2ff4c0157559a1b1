import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../errors.js';
import { isArchive, withUnpacked } from './archive.js';
import { withNormalNames } from './normal-names.js';
import { isCsvFile, readCsv } from './readers/csv.js';
import { isIdxImages, readIdx } from './readers/idx.js';
import { readImageFolder } from './readers/image-folder.js';
import { isParquetFile, parquetFilesIn, readParquet } from './readers/parquet.js';
import { isStrokesFile, readStrokes } from './readers/strokes.js';
import type { ReaderOptions, SourceItem } from './sample.js';

/** The formats that can be imported. */
export const SOURCE_FORMATS = ['idx', 'folder', 'csv', 'strokes', 'parquet'] as const;
export type SourceFormat = (typeof SOURCE_FORMATS)[number];

const READERS: Record<SourceFormat, (path: string, options: ReaderOptions) => AsyncIterable<SourceItem>> = {
  idx: readIdx,
  folder: readImageFolder,
  csv: readCsv,
  strokes: readStrokes,
  parquet: readParquet,
};

/**
 * Every sample of a source: a file, a folder, or a tar archive of either, in one of {@link SOURCE_FORMATS}.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_SOURCE_UNKNOWN`, or what the reader of the format throws.
 */
export async function* readSource(
  path: string,
  format: SourceFormat | 'auto',
  options: ReaderOptions,
): AsyncGenerator<SourceItem> {
  await stat(path).catch((cause) => {
    throw RobleError.from(cause);
  });
  if (isArchive(path))
    yield* withUnpacked(path, (folder) => readSource(folder, format, { ...options, confined: true }));
  else yield* withNormalNames(READERS[format === 'auto' ? await detectFormat(path) : format](path, options));
}

/** Recognises a source by its names, never by guessing at its content. */
export async function detectFormat(path: string): Promise<SourceFormat> {
  const isFolder = (await stat(path)).isDirectory();
  const entries = isFolder ? await readdir(path, { withFileTypes: true }) : [];
  const names = isFolder ? entries.map(({ name }) => name) : [path.split(/[/\\]/).at(-1)!];
  // In a folder that holds several forms of the same data, the one that needs least work comes first.
  if (names.some(isIdxImages)) return 'idx';
  if (names.some(isCsvFile)) return 'csv';
  if (names.some(isStrokesFile)) return 'strokes';
  if (isFolder ? (await parquetFilesIn(path)).length > 0 : isParquetFile(names[0]!)) return 'parquet';
  if (entries.some((entry) => entry.isDirectory() && !entry.name.startsWith('.'))) return 'folder';
  throw new RobleError('ROBLE_SOURCE_UNKNOWN', `The format of ${path} was not recognised.`, {
    received: names.slice(0, 5).join(', ') || 'an empty folder',
    expected:
      'IDX files, a folder for each class, a CSV file, stroke JSON lines, Parquet files, or a tar archive of one of these',
    nextSteps: [
      `Say what it is with --format ${SOURCE_FORMATS.join('|')}.`,
      `Look at ${join(path)} for a folder inside it.`,
    ],
  });
}
