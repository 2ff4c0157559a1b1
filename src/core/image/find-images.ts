import { stat } from 'node:fs/promises';
import { extname, isAbsolute, join } from 'node:path';
import type { Context } from '../base/context.js';
import { RobleError, type SerializedError } from '../base/errors.js';
import { absentAsUndefined } from '../base/storage/files.js';
import { readStart } from '../base/storage/read-file.js';
import { type WalkOptions, walkFolder } from '../base/storage/walk-folder.js';
import { countOf, formatCount } from '../base/text/text.js';
import { pixelFormat, unreadFormat } from './known-formats.js';

/** An image file that was found, or the reason why a name does not stand for one. */
export type FoundImage =
  | { readonly file: string }
  | { readonly file: string; readonly error: SerializedError };

/**
 * The image files of a list of files, folders and globs, each once, in the order of the list; those of a folder or glob are
 * sorted by name. In a folder a file is an image by its first bytes or its extension, as in `importDataset`; the others are
 * counted by kind in a warning. A name that matches nothing or cannot be read is in the result with its error.
 */
export async function findImages(
  patterns: readonly string[],
  { reporter }: Context = {},
): Promise<FoundImage[]> {
  const found = new Map<string, FoundImage>();
  const warn = (message: string) => reporter?.report({ type: 'warning', message });
  for (const pattern of patterns)
    for (const image of await expand(pattern, warn)) if (!found.has(image.file)) found.set(image.file, image);
  return [...found.values()];
}

async function expand(pattern: string, warn: (message: string) => void): Promise<FoundImage[]> {
  try {
    const status = await stat(pattern).catch(absentAsUndefined);
    if (status?.isDirectory()) return await imagesIn(pattern, warn);
    // A file that is not plain is refused when it is read.
    return status ? [{ file: pattern }] : await matching(pattern);
  } catch (error) {
    return [{ file: pattern, error: RobleError.from(error).toJSON() }];
  }
}

async function imagesIn(folder: string, warn: (message: string) => void): Promise<FoundImage[]> {
  const found = await findPictures(folder);
  const others = describeOthers(found);
  if (others !== undefined) warn(`${folder}: ${others}`);
  const images: FoundImage[] = [
    ...found.pictures.map((path) => ({ file: join(folder, path) })),
    ...found.unusable.map(({ path, error }) => ({ file: join(folder, path), error: error.toJSON() })),
  ];
  if (images.length > 0) return images.sort((a, b) => (a.file < b.file ? -1 : 1));
  throw nothingFound('a folder without images');
}

async function matching(pattern: string): Promise<FoundImage[]> {
  const { glob } = await import('tinyglobby');
  const files = await glob(pattern, {
    // Absolute names stay absolute.
    absolute: isAbsolute(pattern),
    caseSensitiveMatch: false,
    expandDirectories: false,
  });
  if (files.length > 0) return files.sort().map((file) => ({ file }));
  throw nothingFound(pattern);
}

function nothingFound(received: string): RobleError {
  return new RobleError('ROBLE_FILE_NOT_FOUND', 'There is no image of that name.', {
    received,
    expected: `a file, a folder or a glob of images (${IMAGE_EXTENSIONS.join(', ')})`,
  });
}

/** Extensions of image files, also of formats that cannot be read: these are refused by name instead of being ignored. */
const IMAGE_EXTENSIONS = [
  ...['png', 'jpg', 'jpeg', 'webp', 'gif', 'tif', 'tiff', 'avif', 'svg'],
  ...['bmp', 'heic', 'heif', 'jxl', 'jp2', 'ppm', 'pgm', 'pbm'],
];

/** Bytes by which a file is recognised. */
const START_BYTES = 256;
const PICTURE = new RegExp(`\\.(${IMAGE_EXTENSIONS.join('|')})$`, 'i');

/** Whether a file has the extension of a picture. */
export function isPictureName(name: string): boolean {
  return PICTURE.test(name);
}

/** The pictures and other content of a folder. Paths are relative to the folder, with `/`, and sorted. */
export interface FoundPictures {
  /** Files that are pictures by their first bytes or their extension, whether or not they can be read. */
  readonly pictures: readonly string[];
  readonly unusable: readonly { readonly path: string; readonly error: RobleError }[];
  readonly folders: readonly string[];
  /** Other files, by kind. */
  readonly others: ReadonlyMap<string, OtherFiles>;
}

interface OtherFiles {
  readonly count: number;
  /** The first of them. */
  readonly example: string;
}

/**
 * All pictures below a folder.
 *
 * @param isOwn whether a file belongs to the caller and is to be ignored
 * @throws {RobleError} those of {@link walkFolder}
 */
export async function findPictures(
  root: string,
  { isOwn = () => false, ...options }: WalkOptions & { isOwn?(path: string): boolean } = {},
): Promise<FoundPictures> {
  const pictures: string[] = [];
  const unusable: { path: string; error: RobleError }[] = [];
  const folders: string[] = [];
  const others = new Map<string, OtherFiles>();
  const add = (kind: string, path: string) => {
    const { count, example } = others.get(kind) ?? { count: 0, example: path };
    others.set(kind, { count: count + 1, example });
  };
  for await (const entry of walkFolder(root, options)) {
    const { path } = entry;
    if (entry.type === 'unusable') unusable.push({ path, error: entry.error });
    else if (entry.type === 'folder') folders.push(path);
    else if (entry.type === 'system') add(entry.kind, path);
    else if (!isOwn(path)) {
      try {
        const kind = await otherKind(join(root, path));
        if (kind === undefined) pictures.push(path);
        else add(kind, path);
      } catch (error) {
        unusable.push({ path, error: RobleError.from(error) });
      }
    }
  }
  return { pictures, unusable, folders, others };
}

/** Whether a file is a picture by its first bytes or its extension. */
export async function isPicture(path: string): Promise<boolean> {
  return (await otherKind(path)) === undefined;
}

/** The kind of a file that is not a picture; undefined for a picture. */
async function otherKind(path: string): Promise<string | undefined> {
  if (isPictureName(path)) return undefined;
  const start = await readStart(path, START_BYTES);
  const format = unreadFormat(start);
  if (format?.isPicture || (!format && pixelFormat(start) !== undefined)) return undefined;
  const extension = extname(path).toLowerCase() || 'without an ending';
  return format ? `${extension} (${format.name}: ${format.advice})` : extension;
}

/** One sentence about other files, such as `15 files are no pictures (12 .txt, such as a.txt; 3 .ogg, such as b.ogg)`. */
export function describeOthers({ others }: FoundPictures): string | undefined {
  if (others.size === 0) return undefined;
  const total = [...others.values()].reduce((sum, { count }) => sum + count, 0);
  const kinds = [...others]
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([kind, { count, example }]) => `${formatCount(count)} ${kind}, such as ${example}`);
  return `${countOf(total, 'file is no picture', 'files are no pictures')} (${kinds.join('; ')})`;
}
