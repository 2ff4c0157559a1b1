import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Finds files whose names may differ from what a list says in upper and lower case. Lists made on Windows or macOS, where
 * that makes no difference, are full of them.
 */
export class FileFinder {
  readonly #folders = new Map<string, { exact: Set<string>; folded: Map<string, string[]> }>();
  readonly #used = new Set<string>();

  /** The path itself if it exists, else the only one that differs from it in case, else nothing. */
  async find(path: string): Promise<string | undefined> {
    const found = await this.#look(path);
    if (found !== undefined) this.#used.add(found);
    return found;
  }

  /** What lies in the folders that were looked into and was never found, sorted. */
  unused(): string[] {
    const all = [...this.#folders].flatMap(([folder, { exact }]) =>
      [...exact].map((name) => join(folder, name)),
    );
    return all.filter((path) => !this.#used.has(path)).sort();
  }

  async #look(path: string): Promise<string | undefined> {
    const folder = dirname(path);
    const { exact, folded } = await this.#list(folder);
    if (exact.has(basename(path))) return path;
    const candidates = folded.get(basename(path).toLowerCase()) ?? [];
    return candidates.length === 1 ? join(folder, candidates[0]!) : undefined;
  }

  async #list(folder: string) {
    const known = this.#folders.get(folder);
    if (known) return known;
    const exact = new Set(await readdir(folder).catch(() => []));
    const folded = new Map<string, string[]>();
    for (const name of exact)
      folded.set(name.toLowerCase(), [...(folded.get(name.toLowerCase()) ?? []), name]);
    const listed = { exact, folded };
    this.#folders.set(folder, listed);
    return listed;
  }
}
