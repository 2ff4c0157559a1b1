import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Context } from '../base/context.js';
import { RobleError, type SerializedError } from '../base/errors.js';
import { IMAGE_EXTENSIONS } from './extensions.js';
import { describeOthers, findPictures } from './find-pictures.js';
import { absentAsUndefined } from '../base/storage/exists.js';

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
