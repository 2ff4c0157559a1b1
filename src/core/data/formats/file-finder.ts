import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { groupBy, optional } from '../../base/collections.js';
import { absentAsUndefined, exists } from '../../base/storage/files.js';
import { normalName } from '../../base/text/names.js';
import { isPictureName } from '../../image/find-images.js';

/** A file that was found, with a notice if its path is not exactly the one that was asked for. */
export interface Found {
  readonly path: string;
  readonly notice?: string;
}

/** Several files that may each be the one that was asked for. */
export interface Ambiguous {
  readonly candidates: readonly string[];
}

const folded = (name: string) => normalName(name).toLowerCase();

/** How names may differ, the smallest difference first: the keys of a name that is asked for and of one that is there. */
const FORMS: readonly {
  asked(name: string): string;
  there(name: string): string | undefined;
  readonly notice?: string;
}[] = [
  { asked: (name) => name, there: (name) => name },
  {
    asked: normalName,
    there: normalName,
    notice: 'found under a name that differs in Unicode normalisation',
  },
  { asked: folded, there: folded, notice: 'found under a name that differs in upper and lower case' },
  {
    asked: folded,
    there: (name) => (isPictureName(name) ? folded(name.slice(0, -extname(name).length)) : undefined),
    notice: 'found with the extension of a picture after its name',
  },
];

interface Listed {
  readonly names: readonly string[];
  readonly byForm: readonly ReadonlyMap<string, readonly string[]>[];
}

/**
 * Finds files whose names, or whose folders' names, may differ from those in a list by Unicode normalisation or by upper and
 * lower case, or that it names without their extension. Such names are frequent in lists from Windows and macOS, where case
 * makes no difference, and in lists of ids.
 */
export class FileFinder {
  readonly #folders = new Map<string, Listed | undefined>();
  readonly #used = new Set<string>();

  /**
   * The path itself if it exists, else the only one with the smallest difference, else nothing.
   *
   * @throws {RobleError} `ROBLE_FILE_UNREADABLE` for a folder that may not be listed
   */
  async find(path: string): Promise<Found | Ambiguous | undefined> {
    const found = await this.#look(path);
    if (found && 'path' in found) this.#used.add(found.path);
    return found;
  }

  /** Like {@link find}, in each folder inside another one. */
  async findBelow(folder: string, name: string): Promise<Found | Ambiguous | undefined> {
    const found: Found[] = [];
    for (const inside of (await this.#list(folder))?.names ?? []) {
      if (isPictureName(inside) || !(await this.#list(join(folder, inside)))) continue;
      const one = await this.#look(join(folder, inside, name));
      if (one && 'candidates' in one) return one;
      if (one) found.push({ path: one.path, notice: `found in the folder ${inside}` });
    }
    const [first, ...others] = found;
    if (others.length > 0) return { candidates: found.map(({ path }) => path) };
    if (first) this.#used.add(first.path);
    return first;
  }

  /** Everything in the folders looked into that was never found, sorted. */
  unused(): string[] {
    const all = [...this.#folders].flatMap(([folder, listed]) =>
      (listed?.names ?? []).map((name) => join(folder, name)),
    );
    return all.filter((path) => !this.#used.has(path)).sort();
  }

  async #look(path: string): Promise<Found | Ambiguous | undefined> {
    const parent = dirname(path);
    if (parent === path) return undefined;
    const listed = await this.#list(parent).catch(async (error) => {
      // A folder that may be entered, but not listed.
      if (await exists(path))
        return { names: [basename(path)], byForm: [new Map([[basename(path), [basename(path)]]])] };
      throw error;
    });
    if (listed) return findIn(listed, parent, basename(path));
    // The folder's own name may differ, too.
    const folder = await this.#look(parent).catch(() => undefined);
    if (!folder || 'candidates' in folder) return folder;
    const inside = await this.#list(folder.path);
    return inside && findIn(inside, folder.path, basename(path), folder.notice);
  }

  async #list(folder: string): Promise<Listed | undefined> {
    if (this.#folders.has(folder)) return this.#folders.get(folder);
    const names = await readdir(folder).catch(absentAsUndefined);
    const listed = names && { names, byForm: FORMS.map(({ there }) => groupBy(names, there)) };
    this.#folders.set(folder, listed);
    return listed;
  }
}

function findIn(
  { byForm }: Listed,
  folder: string,
  name: string,
  folderNotice?: string,
): Found | Ambiguous | undefined {
  for (const [i, byName] of byForm.entries()) {
    const { asked, notice = folderNotice } = FORMS[i]!;
    const names = byName.get(asked(name)) ?? [];
    if (names.length > 1) return { candidates: names.map((one) => join(folder, one)) };
    if (names.length === 1) return { path: join(folder, names[0]!), ...optional('notice', notice) };
  }
  return undefined;
}
