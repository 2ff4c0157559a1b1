import { stat } from 'node:fs/promises';
import { extname, isAbsolute, join } from 'node:path';
import type { Context } from '../base/context.js';
import { RobleError, type SerializedError } from '../base/errors.js';
import { absentAsUndefined } from '../base/storage/files.js';
import { readStart } from '../base/storage/read-file.js';
import { type WalkOptions, walkFolder } from '../base/storage/walk-folder.js';
import { countOf, formatCount } from '../base/text.js';
import { isPixelImage } from './decode.js';
import { unreadFormat } from './known-formats.js';

/** An image file that was found, or why a name stands for none. */
export type FoundImage =
  | { readonly file: string }
  | { readonly file: string; readonly error: SerializedError };

/**
 * The image files that a list of files, folders and globs names, each once, in the order of the list; those of a
 * folder or glob sorted by name. In a folder a file is an image by its first bytes or its ending, as in `importDataset`;
 * what is none is told to the reporter, by kind. What matches nothing or cannot be read keeps its place, with the error.
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
    // What is no plain file is refused when it is read.
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
    // Names as they were given: absolute ones stay absolute.
    absolute: isAbsolute(pattern),
    caseSensitiveMatch: false,
    expandDirectories: false,
  });
  if (files.length > 0) return files.sort().map((file) => ({ file }));
  throw nothingFound(pattern);
}

function nothingFound(received: string): RobleError {
  return new RobleError('ROBLE_FILE_NOT_FOUND', 'No image is of that name.', {
    received,
    expected: `a file, a folder or a glob of images (${IMAGE_EXTENSIONS.join(', ')})`,
  });
}

/** Endings of the names of image files, also of those that are not read: they are refused by name, and not passed over. */
const IMAGE_EXTENSIONS = [
  ...['png', 'jpg', 'jpeg', 'webp', 'gif', 'tif', 'tiff', 'avif', 'svg'],
  ...['bmp', 'heic', 'heif', 'jxl', 'jp2', 'ppm', 'pgm', 'pbm'],
];

/** Bytes that tell what a file is. */
const START_BYTES = 256;
const PICTURE = new RegExp(`\\.(${IMAGE_EXTENSIONS.join('|')})$`, 'i');

/** Whether the name of a file ends as that of a picture. */
export function isPictureName(name: string): boolean {
  return PICTURE.test(name);
}

/** What a folder holds, for who looks for pictures. Paths are relative to the folder, with `/`, and sorted. */
export interface FoundPictures {
  /** Files that are pictures by their first bytes or their ending, whether or not they can be read. */
  readonly pictures: readonly string[];
  readonly unusable: readonly { readonly path: string; readonly error: RobleError }[];
  readonly folders: readonly string[];
  /** What is no picture, by kind. */
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
 * @param isOwn whether a file is known to the caller, and is to be passed over
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
  for await (const met of walkFolder(root, options)) {
    const { path } = met;
    if (met.type === 'unusable') unusable.push({ path, error: met.error });
    else if (met.type === 'folder') folders.push(path);
    else if (met.type === 'system') add(met.kind, path);
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

/** Whether a file is a picture by its first bytes or its ending. */
export async function isPicture(path: string): Promise<boolean> {
  return (await otherKind(path)) === undefined;
}

/** What kind of file it is that is no picture; undefined for a picture. */
async function otherKind(path: string): Promise<string | undefined> {
  if (isPictureName(path)) return undefined;
  const start = await readStart(path, START_BYTES);
  const format = unreadFormat(start);
  if (format?.isPicture || (!format && isPixelImage(start))) return undefined;
  const ending = extname(path).toLowerCase() || 'without an ending';
  return format ? `${ending} (${format.name}: ${format.advice})` : ending;
}

/** One sentence about what is no picture, such as `15 files that are no pictures: 12 .txt, 3 .ogg`. */
export function describeOthers({ others }: FoundPictures): string | undefined {
  if (others.size === 0) return undefined;
  const total = [...others.values()].reduce((sum, { count }) => sum + count, 0);
  const kinds = [...others]
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([kind, { count, example }]) => `${formatCount(count)} ${kind}, such as ${example}`);
  return `${countOf(total, 'file is no picture', 'files are no pictures')} (${kinds.join('; ')})`;
}
