import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { inspect } from 'node:util';
import { RobleError } from '../../base/errors.js';
import { notPlain } from '../../base/storage/read-file.js';
import { systemKind } from '../../base/storage/walk-folder.js';
import { didYouMean, examples } from '../../base/text/text.js';
import { untilAborted } from '../../base/until-aborted.js';
import { withinTime } from '../../base/within-time.js';
import { isPicture as isPictureFile } from '../../image/find-images.js';
import { hasKnownSplit, isSourceItem } from '../../plugin/check-item.js';
import { faultOf } from '../../plugin/guard.js';
import type { SourceLook } from '../../plugin/reader.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { isCsvFile, readCsv } from '../formats/csv.js';
import { SOURCE_FORMATS, type SourceFormat } from '../formats/format-names.js';
import { isIdxImages, readIdx } from '../formats/idx.js';
import { readImageFolder } from '../formats/image-folder.js';
import { isMetadata, metadataIn, readHuggingFaceFolder } from '../formats/metadata.js';
import { isParquetFile, parquetFilesIn, readParquet } from '../formats/parquet-reader.js';
import { type ReaderOptions, type SourceItem, splitOfWord, withNormalNames } from '../formats/source.js';
import { isStrokesFile, readStrokes } from '../formats/strokes.js';
import { archiveKind, isArchiveName, withUnpacked } from './archive.js';

/** How long a reader may take to say whether it reads a source. */
const ANSWER_MS = 10_000;

type Read = (path: string, options: ReaderOptions) => AsyncIterable<SourceItem>;

const READERS: Record<SourceFormat, Read> = {
  idx: readIdx,
  folder: readImageFolder,
  csv: readCsv,
  imagefolder: readHuggingFaceFolder,
  strokes: readStrokes,
  parquet: readParquet,
};

/** Where formats from outside come from. */
export interface ReadingContext {
  readonly registry?: PluginRegistry | undefined;
  /** Called with the reader from outside that reads a source, before it does. */
  readonly onReader?: ((name: string) => void) | undefined;
  /** Called with a reader that cannot be asked whether it knows a source. */
  readonly warn?: ((message: string) => void) | undefined;
}

/**
 * Every sample of a source: a file, a folder, or a tar or zip archive of either. A folder that holds nothing but another
 * folder stands for that one.
 *
 * @param format one of {@link SOURCE_FORMATS}, the name of a reader of a plugin, or `auto`
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_FILE_UNREADABLE`, `ROBLE_SOURCE_UNKNOWN`, or what the reader of the
 *   format throws.
 */
export async function* readSource(
  path: string,
  format: string,
  options: ReaderOptions,
  context: ReadingContext = {},
): AsyncGenerator<SourceItem> {
  checkFormat(format, context);
  const status = await stat(path).catch((cause) => {
    throw RobleError.from(cause);
  });
  if (status.isDirectory()) yield* readFolder(path, format, options, context);
  else if (!status.isFile()) throw notPlain(path, status);
  else {
    const kind = await archiveKind(path);
    if (kind === undefined) {
      const found = format === 'auto' ? await formatOfFile(path, context) : format;
      yield* read(path, found, options, context);
    } else {
      const readInside = (folder: string) =>
        readFolder(folder, format, { ...options, confined: true }, context);
      yield* withUnpacked(path, kind, readInside, options.signal);
    }
  }
}

async function* readFolder(
  path: string,
  format: string,
  options: ReaderOptions,
  context: ReadingContext,
): AsyncGenerator<SourceItem> {
  const { path: folder, listed } = await innermost(path);
  const archives = listed.files.filter(isArchiveName);
  if (archives.length > 0)
    yield {
      warning: `archives in ${folder} are not unpacked: ${examples(archives)}; import each by itself`,
    };
  const found = format === 'auto' ? await formatOfFolder(folder, listed, archives, options, context) : format;
  yield* read(folder, found, options, context);
}

async function* read(
  path: string,
  format: string,
  options: ReaderOptions,
  { registry, onReader }: ReadingContext,
): AsyncGenerator<SourceItem> {
  if (isInTheBox(format)) yield* withNormalNames(READERS[format](path, options));
  else {
    onReader?.(format);
    const reader = await registry!.load('reader', format);
    yield* withNormalNames(checkedItems(registry!, format, () => reader.read(path, options), options.signal));
  }
}

const isInTheBox = (format: string): format is SourceFormat =>
  (SOURCE_FORMATS as readonly string[]).includes(format);

/** @throws {RobleError} `ROBLE_USAGE` */
function checkFormat(format: string, { registry }: ReadingContext): void {
  if (format === 'auto' || isInTheBox(format) || registry?.has('reader', format)) return;
  const known = ['auto', ...SOURCE_FORMATS, ...(registry?.names('reader') ?? [])];
  throw new RobleError('ROBLE_USAGE', `There is no format "${format}".`, {
    received: format,
    expected: `one of ${known.join(', ')}`,
    nextSteps: [...didYouMean(format, known), ...(registry?.stepsForSetAside() ?? [])],
  });
}

/** What a reader from outside gives, its faults named. */
async function* checkedItems(
  registry: PluginRegistry,
  format: string,
  read: () => AsyncIterable<SourceItem>,
  signal: AbortSignal | undefined,
): AsyncGenerator<SourceItem> {
  const name = registry.describe('reader', format);
  try {
    for await (const item of untilAborted(read(), signal)) yield checkedItem(name, item);
  } catch (thrown) {
    throw signal?.aborted ? thrown : faultOf(`${name} failed`, thrown);
  }
}

function checkedItem(name: string, item: SourceItem): SourceItem {
  if (!isSourceItem(item) || !hasKnownSplit(item))
    throw new RobleError('ROBLE_PLUGIN_INVALID', `${name} gave something that is no sample.`, {
      received: inspect(item, { breakLength: Number.POSITIVE_INFINITY }).slice(0, 200),
      expected: 'a source, a label and a picture, as "roble/plugin" declares them',
    });
  return 'error' in item && item.error !== undefined
    ? { source: item.source, error: RobleError.from(item.error) }
    : item;
}

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
      if (await isPictureFile(join(folder.path, file)).catch(() => true)) return outer;
  return innermost(inner.path, inner.listed);
}

/** Recognises a file by its name, never by its content. */
async function formatOfFile(path: string, context: ReadingContext): Promise<string> {
  const name = basename(path);
  const format = formatOfNames([name]) ?? (isParquetFile(name) ? 'parquet' : undefined);
  const found =
    format ?? (await formatFromOutside({ path, isFolder: false, files: [], folders: [] }, context));
  if (found) return found;
  throw unknownFormat(path, name, [], context);
}

/** Recognises a folder by the names in it. */
async function formatOfFolder(
  path: string,
  { files, folders }: Listed,
  archives: readonly string[],
  { confined }: ReaderOptions,
  context: ReadingContext,
): Promise<string> {
  const format = formatOfNames(files);
  if (format) return format;
  if ((await metadataIn(path)).length > 0) return 'imagefolder';
  if ((await parquetFilesIn(path)).length > 0) return 'parquet';
  // Folders for classes are what anything may look like: those who know more are asked first.
  const found = await formatFromOutside({ path, isFolder: true, files, folders }, context);
  if (found) return found;
  if (folders.length > 0) return 'folder';
  const steps = archives.map((name) =>
    confined
      ? `Unpack ${path}, and import the ${name} that is in it.`
      : `Import the archive itself: "roble data:import ${join(path, name)}".`,
  );
  throw unknownFormat(path, examples(files, 5) || 'an empty folder', steps.slice(0, 3), context);
}

/** The reader of a plugin that says that it can read a source. */
async function formatFromOutside(
  look: SourceLook,
  { registry, warn }: ReadingContext,
): Promise<string | undefined> {
  for (const name of registry?.names('reader') ?? [])
    try {
      const reader = await registry!.load('reader', name);
      const late = () => {
        throw new Error(`no answer in ${ANSWER_MS / 1000} seconds.`);
      };
      if (await withinTime(() => reader.recognizes?.(look), ANSWER_MS, late)) return name;
    } catch (error) {
      const who = registry!.describe('reader', name);
      warn?.(`${who} could not say whether it reads ${look.path}: ${RobleError.from(error).message}`);
    }
  return undefined;
}

/** If a folder holds several forms of the same data, the one that takes least work comes first. */
function formatOfNames(names: readonly string[]): SourceFormat | undefined {
  if (names.some(isIdxImages)) return 'idx';
  if (names.some(isMetadata)) return 'imagefolder';
  if (names.some(isCsvFile)) return 'csv';
  return names.some(isStrokesFile) ? 'strokes' : undefined;
}

function unknownFormat(
  path: string,
  received: string,
  steps: readonly string[],
  { registry }: ReadingContext,
): RobleError {
  return new RobleError('ROBLE_SOURCE_UNKNOWN', `The format of ${path} was not recognised.`, {
    received,
    expected:
      'IDX files, a folder for each class, a CSV file, stroke JSON lines, Parquet files, or a tar or zip archive of one of these',
    nextSteps: [
      ...steps,
      `Say what it is with --format ${[...SOURCE_FORMATS, ...(registry?.names('reader') ?? [])].join('|')}.`,
      'Put pictures into a folder for each class, or list them in a CSV file.',
    ],
  });
}
