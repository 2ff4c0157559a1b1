import type { BigIntStats, Dirent } from 'node:fs';
import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError, unreadableFile } from '../errors.js';
import { notPlain } from './read-file.js';

/** What a walk meets. Paths are relative to where it starts, with `/`. */
export type Walked =
  | { readonly type: 'file' | 'folder'; readonly path: string }
  /** What programs put beside the files of people: it is not looked into. */
  | { readonly type: 'system'; readonly path: string; readonly kind: string }
  | { readonly type: 'unusable'; readonly path: string; readonly error: RobleError };

export interface WalkOptions {
  /** Whether links are followed; not where they may be a stranger's. Default true. */
  readonly followLinks?: boolean | undefined;
}

/** Names of what file managers, network drives and notebooks leave behind. */
const SYSTEM_NAMES = [
  ...['Thumbs.db', 'ehthumbs.db', 'desktop.ini', '__MACOSX', '@eaDir', '#recycle', '#snapshot'],
  ...['$RECYCLE.BIN', 'System Volume Information', 'lost+found', '__pycache__'],
];

/** What kind of thing a system leaves under a name; undefined where it is somebody's own. */
export function systemKind(name: string): string | undefined {
  if (name.startsWith('._')) return '._*';
  if (name.startsWith('.'))
    return name === '.DS_Store' || name === '.ipynb_checkpoints' ? name : 'hidden (.*)';
  return SYSTEM_NAMES.find((known) => known.toLowerCase() === name.toLowerCase());
}

/**
 * All that is below a folder, sorted, so that the order does not depend on the disk. Links are followed, and each folder is
 * taken once: what leads back to one, or to one a second time, is unusable, as is what cannot be read.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_FILE_UNREADABLE` for the folder itself
 */
export async function* walkFolder(root: string, options: WalkOptions = {}): AsyncGenerator<Walked> {
  const [status, entries] = await Promise.all([stat(root, { bigint: true }), entriesOf(root)]).catch(
    (cause) => {
      throw RobleError.from(cause);
    },
  );
  yield* new Walk(root, options.followLinks ?? true).below('', status, entries);
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

class Walk {
  readonly #root: string;
  readonly #followLinks: boolean;
  /** The paths of the folders that were taken, by device and number. */
  readonly #taken = new Map<string, string>();
  /** Those that lie below the root themselves, looked for when the first link leads to a folder: they are taken where they lie. */
  #own: Map<string, string> | undefined;

  constructor(root: string, followLinks: boolean) {
    this.#root = root;
    this.#followLinks = followLinks;
  }

  async *below(folder: string, status: BigIntStats, entries: readonly Dirent[]): AsyncGenerator<Walked> {
    this.#taken.set(identity(status), folder);
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const kind = systemKind(entry.name);
      if (kind !== undefined) yield { type: 'system', path, kind };
      else if (entry.isFile()) yield { type: 'file', path };
      else yield* this.#other(path, entry);
    }
  }

  async *#other(path: string, entry: Dirent): AsyncGenerator<Walked> {
    let found: { readonly status: BigIntStats; readonly entries?: Dirent[] };
    try {
      found = await this.#look(path, entry);
    } catch (cause) {
      yield { type: 'unusable', path, error: asUnreadable(cause) };
      return;
    }
    const { status, entries } = found;
    yield { type: entries ? 'folder' : 'file', path };
    if (entries) yield* this.below(path, status, entries);
  }

  async #look(path: string, entry: Dirent): Promise<{ status: BigIntStats; entries?: Dirent[] }> {
    const place = join(this.#root, path);
    if (entry.isSymbolicLink() && !this.#followLinks) throw linkNotFollowed(await readlink(place));
    const status = await stat(place, { bigint: true });
    if (status.isDirectory()) {
      if (entry.isSymbolicLink()) this.#own ??= await foldersBelow(this.#root);
      return { status, entries: await this.#enter(path, status, entry.isSymbolicLink()) };
    }
    if (status.isFile()) return { status };
    throw notPlain('It', status);
  }

  /** The entries of a folder that is not taken yet. */
  #enter(path: string, status: BigIntStats, isLink: boolean): Promise<Dirent[]> {
    const taken =
      this.#taken.get(identity(status)) ?? (isLink ? this.#own!.get(identity(status)) : undefined);
    if (taken !== undefined) throw takenTwice(path, taken);
    return entriesOf(join(this.#root, path));
  }
}

/** The folders below another one, links not followed, by device and number. */
async function foldersBelow(root: string, path = ''): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isDirectory() || systemKind(entry.name) !== undefined) continue;
    const inside = path === '' ? entry.name : `${path}/${entry.name}`;
    found.set(identity(await stat(join(root, inside), { bigint: true })), inside);
    for (const [key, value] of await foldersBelow(root, inside)) found.set(key, value);
  }
  return found;
}

const identity = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;

function asUnreadable(cause: unknown): RobleError {
  return cause instanceof RobleError ? cause : unreadableFile(cause as NodeJS.ErrnoException, 'It');
}

function takenTwice(path: string, taken: string): RobleError {
  const isCircle = taken === '' || path.startsWith(`${taken}/`);
  return new RobleError(
    'ROBLE_FILE_UNREADABLE',
    isCircle
      ? 'The link leads back to a folder that it is in.'
      : `It is the same folder as ${taken}, which is taken already.`,
    { expected: 'each folder once', nextSteps: ['Remove the link, or copy what it stands for.'] },
  );
}

/** The error of a link that is not followed. */
export function linkNotFollowed(target: string): RobleError {
  return new RobleError('ROBLE_FILE_UNREADABLE', 'Links in an archive are not followed.', {
    received: `a link to ${target}`,
    expected: 'files and folders',
    nextSteps: ['Pack the files themselves: "tar --dereference --hard-dereference", "zip" without -y.'],
  });
}
