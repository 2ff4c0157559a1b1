import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { notPlain } from '../../base/storage/read-file.js';
import { systemKind } from '../../base/storage/walk-folder.js';
import { examples } from '../../base/text/text.js';
import { isPicture } from '../../image/find-images.js';
import { isCsvFile, readCsv } from '../formats/csv.js';
import { isIdxImages, readIdx } from '../formats/idx.js';
import { readImageFolder } from '../formats/image-folder.js';
import { isMetadata, metadataIn, readHuggingFaceFolder } from '../formats/metadata.js';
import { isParquetFile, parquetFilesIn, readParquet } from '../formats/parquet-reader.js';
import { type ReaderOptions, type SourceItem, splitOfWord, withNormalNames } from '../formats/source.js';
import { isStrokesFile, readStrokes } from '../formats/strokes.js';
import { archiveKind, isArchiveName, withUnpacked } from './archive.js';

/** The formats that can be imported. */
export const SOURCE_FORMATS = ['idx', 'folder', 'csv', 'imagefolder', 'strokes', 'parquet'] as const;
export type SourceFormat = (typeof SOURCE_FORMATS)[number];

const READERS: Record<SourceFormat, (path: string, options: ReaderOptions) => AsyncIterable<SourceItem>> = {
  idx: readIdx,
  folder: readImageFolder,
  csv: readCsv,
  imagefolder: readHuggingFaceFolder,
  strokes: readStrokes,
  parquet: readParquet,
};

/**
 * Every sample of a source: a file, a folder, or a tar or zip archive of either, in one of {@link SOURCE_FORMATS}. A folder
 * that holds nothing but another folder stands for that one.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_FILE_UNREADABLE`, `ROBLE_SOURCE_UNKNOWN`, or what the reader of the
 *   format throws.
 */
export async function* readSource(
  path: string,
  format: SourceFormat | 'auto',
  options: ReaderOptions,
): AsyncGenerator<SourceItem> {
  const status = await stat(path).catch((cause) => {
    throw RobleError.from(cause);
  });
  if (status.isDirectory()) yield* readFolder(path, format, options);
  else if (!status.isFile()) throw notPlain(path, status);
  else {
    const kind = await archiveKind(path);
    if (kind === undefined) yield* read(path, format === 'auto' ? formatOfFile(path) : format, options);
    else {
      const readInside = (folder: string) => readFolder(folder, format, { ...options, confined: true });
      yield* withUnpacked(path, kind, readInside, options.signal);
    }
  }
}

async function* readFolder(
  path: string,
  format: SourceFormat | 'auto',
  options: ReaderOptions,
): AsyncGenerator<SourceItem> {
  const { path: folder, listed } = await innermost(path);
  const archives = listed.files.filter(isArchiveName);
  if (archives.length > 0)
    yield {
      warning: `archives in ${folder} are not unpacked: ${examples(archives)}; import each by itself`,
    };
  yield* read(
    folder,
    format === 'auto' ? await formatOfFolder(folder, listed, archives, options) : format,
    options,
  );
}

const read = (path: string, format: SourceFormat, options: ReaderOptions) =>
  withNormalNames(READERS[format](path, options));

interface Listed {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** The files and folders in a folder, links followed, without those that operating systems leave there. */
async function listFolder(path: string): Promise<Listed> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause) => {
    throw RobleError.from(cause);
  });
  const files: string[] = [];
  const folders: string[] = [];
  for (const entry of entries) {
    if (systemKind(entry.name) !== undefined) continue;
    const isFolder =
      entry.isDirectory() || (entry.isSymbolicLink() && (await isLinkToFolder(join(path, entry.name))));
    (isFolder ? folders : files).push(entry.name);
  }
  return { files: files.sort(), folders: folders.sort() };
}

const isLinkToFolder = (path: string) =>
  stat(path).then(
    (status) => status.isDirectory(),
    // The reader of the format reports what is wrong with it.
    () => false,
  );

const isData = (name: string) =>
  isIdxImages(name) || isCsvFile(name) || isStrokesFile(name) || isParquetFile(name);

/** The folder that a source stands for: the only one in it, if that is neither a class nor a split. */
async function innermost(path: string, known?: Listed): Promise<{ path: string; listed: Listed }> {
  const outer = { path, listed: known ?? (await listFolder(path)) };
  const { files, folders } = outer.listed;
  const [only, ...others] = folders;
  if (only === undefined || others.length > 0 || files.some(isData) || splitOfWord(only)) return outer;
  const inner = { path: join(path, only), listed: await listFolder(join(path, only)) };
  if (inner.listed.files.some(isData)) return inner;
  if (inner.listed.folders.length === 0) return outer;
  for (const folder of [outer, inner])
    for (const file of folder.listed.files)
      if (await isPicture(join(folder.path, file)).catch(() => true)) return outer;
  return innermost(inner.path, inner.listed);
}

/** Recognises a file by its name, never by its content. */
function formatOfFile(path: string): SourceFormat {
  const name = basename(path);
  const format = formatOfNames([name]) ?? (isParquetFile(name) ? 'parquet' : undefined);
  if (format) return format;
  throw unknownFormat(path, name, []);
}

/** Recognises a folder by the names in it. */
async function formatOfFolder(
  path: string,
  { files, folders }: Listed,
  archives: readonly string[],
  { confined }: ReaderOptions,
): Promise<SourceFormat> {
  const format = formatOfNames(files);
  if (format) return format;
  if ((await metadataIn(path)).length > 0) return 'imagefolder';
  if ((await parquetFilesIn(path)).length > 0) return 'parquet';
  if (folders.length > 0) return 'folder';
  const steps = archives.map((name) =>
    confined
      ? `Unpack ${path}, and import the ${name} that is in it.`
      : `Import the archive itself: "roble data:import ${join(path, name)}".`,
  );
  throw unknownFormat(path, examples(files, 5) || 'an empty folder', steps.slice(0, 3));
}

/** If a folder holds several forms of the same data, the one that takes least work comes first. */
function formatOfNames(names: readonly string[]): SourceFormat | undefined {
  if (names.some(isIdxImages)) return 'idx';
  if (names.some(isMetadata)) return 'imagefolder';
  if (names.some(isCsvFile)) return 'csv';
  return names.some(isStrokesFile) ? 'strokes' : undefined;
}

function unknownFormat(path: string, received: string, steps: readonly string[]): RobleError {
  return new RobleError('ROBLE_SOURCE_UNKNOWN', `The format of ${path} was not recognised.`, {
    received,
    expected:
      'IDX files, a folder for each class, a CSV file, stroke JSON lines, Parquet files, or a tar or zip archive of one of these',
    nextSteps: [
      ...steps,
      `Say what it is with --format ${SOURCE_FORMATS.join('|')}.`,
      'Put pictures into a folder for each class, or list them in a CSV file.',
    ],
  });
}
