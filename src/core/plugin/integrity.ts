import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a package brings itself; its dependencies and the history of its sources are no part of it. */
const NOT_ITS_OWN = ['node_modules', '.git'];

/**
 * A hash of all files of a package, by name and content: `sha256-` and 44 characters of base64. It is the same wherever
 * the package is installed from the same archive.
 */
export async function integrityOf(root: string): Promise<string> {
  const hash = createHash('sha256');
  for (const path of await packageFiles(root)) {
    const bytes = await readFile(join(root, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return `sha256-${hash.digest('base64')}`;
}

/** The files that a package brings itself, by their paths in it, sorted. */
export async function packageFiles(root: string, folder = ''): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    if (NOT_ITS_OWN.includes(entry.name)) continue;
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await packageFiles(root, path)));
    else if (entry.isFile()) found.push(path);
  }
  return found.sort();
}
