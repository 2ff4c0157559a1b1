import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { RobleError } from '../errors.js';

const EXTENSIONS = ['png', 'jpg', 'jpeg', 'webp', 'gif', 'tif', 'tiff', 'avif', 'svg', 'bmp'];

/**
 * The image files that a list of files, folders and globs names, each once, in the order of the list; those of a
 * folder or glob sorted by name.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND` for what matches nothing.
 */
export async function findImages(patterns: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) for (const file of await expand(pattern)) found.add(file);
  return [...found];
}

async function expand(pattern: string): Promise<string[]> {
  const { glob, escapePath } = await import('tinyglobby');
  const status = await stat(pattern).catch(() => undefined);
  if (status?.isFile()) return [pattern];
  const wanted = status?.isDirectory()
    ? join(escapePath(pattern), `**/*.{${EXTENSIONS.join(',')}}`)
    : pattern;
  const files = await glob(wanted, {
    absolute: isAbsolute(wanted),
    caseSensitiveMatch: false,
    expandDirectories: false,
  });
  if (files.length > 0) return files.sort();
  throw new RobleError('ROBLE_FILE_NOT_FOUND', `"${pattern}" names no image.`, {
    received: status?.isDirectory() ? 'a folder without images' : pattern,
    expected: `a file, a folder or a glob of images (${EXTENSIONS.join(', ')})`,
  });
}
