import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { RobleError, type SerializedError } from '../errors.js';
import { IMAGE_EXTENSIONS } from '../image/extensions.js';

/** An image file that was found, or why a name stands for none. */
export type FoundImage =
  | { readonly file: string }
  | { readonly file: string; readonly error: SerializedError };

/**
 * The image files that a list of files, folders and globs names, each once, in the order of the list; those of a
 * folder or glob sorted by name. What matches nothing keeps its place, with the error `ROBLE_FILE_NOT_FOUND`.
 */
export async function findImages(patterns: readonly string[]): Promise<FoundImage[]> {
  const found = new Map<string, FoundImage>();
  for (const pattern of patterns)
    for (const image of await expand(pattern)) if (!found.has(image.file)) found.set(image.file, image);
  return [...found.values()];
}

async function expand(pattern: string): Promise<FoundImage[]> {
  const status = await stat(pattern).catch(() => undefined);
  if (status?.isFile()) return [{ file: pattern }];
  const { glob, escapePath } = await import('tinyglobby');
  const wanted = status?.isDirectory()
    ? join(escapePath(pattern), `**/*.{${IMAGE_EXTENSIONS.join(',')}}`)
    : pattern;
  const files = await glob(wanted, {
    // Names as they were given: absolute ones stay absolute.
    absolute: isAbsolute(wanted),
    caseSensitiveMatch: false,
    expandDirectories: false,
  });
  if (files.length > 0) return files.sort().map((file) => ({ file }));
  const error = new RobleError('ROBLE_FILE_NOT_FOUND', 'No image is of that name.', {
    received: status?.isDirectory() ? 'a folder without images' : pattern,
    expected: `a file, a folder or a glob of images (${IMAGE_EXTENSIONS.join(', ')})`,
  });
  return [{ file: pattern, error: error.toJSON() }];
}
