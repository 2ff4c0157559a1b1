import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { normalName } from '../../names.js';
import { optional } from '../sample.js';

/** A file that was found, and what to say of its path where that is not the one that was asked for. */
export interface Found {
  readonly path: string;
  readonly notice?: string;
}

/** How names may differ, the least first. */
const FORMS = [
  { fold: (name: string) => name },
  { fold: normalName, notice: 'found under a name that differs in Unicode normalisation' },
  {
    fold: (name: string) => normalName(name).toLowerCase(),
    notice: 'found under a name that differs in upper and lower case',
  },
];

/**
 * Finds files whose names, or those of their folders, may differ from what a list says in Unicode normalisation and in
 * upper and lower case. Lists made on Windows or macOS, where that makes no difference, are full of them.
 */
export class FileFinder {
  readonly #folders = new Map<string, { names: string[]; byForm: Map<string, string[]>[] } | undefined>();
  readonly #used = new Set<string>();

  /** The path itself if it exists, else the only one that differs from it as little as that, else nothing. */
  async find(path: string): Promise<Found | undefined> {
    const found = await this.#look(path);
    if (found !== undefined) this.#used.add(found.path);
    return found;
  }

  /** What lies in the folders that were looked into and was never found, sorted. */
  unused(): string[] {
    const all = [...this.#folders].flatMap(([folder, listed]) =>
      (listed?.names ?? []).map((name) => join(folder, name)),
    );
    return all.filter((path) => !this.#used.has(path)).sort();
  }

  async #look(path: string): Promise<Found | undefined> {
    const parent = dirname(path);
    if (parent === path) return undefined;
    // The folder itself may be written otherwise.
    const folder = (await this.#list(parent)) ? { path: parent } : await this.#look(parent);
    const listed = folder && (await this.#list(folder.path));
    if (!listed) return undefined;
    for (const [i, { fold, notice = folder.notice }] of FORMS.entries()) {
      const names = listed.byForm[i]!.get(fold(basename(path))) ?? [];
      if (names.length > 1) return undefined;
      if (names.length === 1) return { path: join(folder.path, names[0]!), ...optional('notice', notice) };
    }
    return undefined;
  }

  async #list(folder: string) {
    if (this.#folders.has(folder)) return this.#folders.get(folder);
    const names = await readdir(folder).catch(() => undefined);
    const listed = names && { names, byForm: FORMS.map(({ fold }) => grouped(names, fold)) };
    this.#folders.set(folder, listed);
    return listed;
  }
}

function grouped(names: readonly string[], fold: (name: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) groups.set(fold(name), [...(groups.get(fold(name)) ?? []), name]);
  return groups;
}
