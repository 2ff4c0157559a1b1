import { type FileHandle, open, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Context } from '../../base/context.js';
import { makeFolders, refuseExisting, sha256 } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/files.js';
import { type FolderLock, takeLock } from '../../base/storage/folder-lock.js';
import { openPlainFile, parseJson } from '../../base/storage/read-file.js';
import { Spool } from '../../base/storage/spool.js';
import { countOf } from '../../base/text/text.js';
import type { StoredPixels } from '../../image/picture-worker.js';
import type { KeptPixels } from '../dataset/write.js';

/** Pictures after which what was made of them is written down; an import that ends before leaves nothing. */
const SAVED_EVERY = 256;

/** What an earlier try has made of a picture. */
export interface EarlierPicture extends StoredPixels {
  readonly notices: readonly string[];
}

const entrySchema = z.strictObject({
  /** Of the picture; see `PictureThreads`. */
  version: z.string(),
  at: z.int().nonnegative(),
  sha256: z.string(),
  notices: z.array(z.string()).readonly(),
});

/**
 * The folder of an import that is under way: hidden beside its output. It holds the pixels of the pictures so far and a journal
 * of them, so that the same import goes on after a kill, an interruption or an error. The journal's first line has the
 * settings that make pixels what they are; each other line is about a picture whose pixels had been given to the system
 * before. What a power cut takes of either is found by the hash of the pixels.
 */
export class ImportWork {
  readonly folder: string;
  /** Where the data set is written until it is complete. */
  readonly data: string;
  readonly pixels: Spool;
  readonly #journal: FileHandle;
  readonly #lock: FolderLock;
  readonly #removeMade: () => Promise<void>;
  readonly #earlier: Map<string, Omit<EarlierPicture, 'file'>>;
  #found = 0;
  #lines: string[] = [];
  #isSaved = false;

  private constructor(
    folder: string,
    removeMade: () => Promise<void>,
    lock: FolderLock,
    { pixels, journal, earlier }: Files,
  ) {
    this.folder = folder;
    this.data = join(folder, 'data');
    this.pixels = pixels;
    this.#journal = journal;
    this.#lock = lock;
    this.#removeMade = removeMade;
    this.#earlier = earlier;
  }

  /**
   * Opens the folder, with what an earlier try with the same settings has left in it.
   *
   * @param out the data set to be
   * @param settings all that the pixels of a picture depend on
   * @throws {RobleError} `ROBLE_OUTPUT_EXISTS`, `ROBLE_FOLDER_LOCKED`, `ROBLE_WRITE_FAILED`
   */
  static async open(out: string, settings: object, context: Context): Promise<ImportWork> {
    const path = resolve(out);
    await refuseExisting(path);
    const folder = join(dirname(path), `.${basename(path)}.import`);
    const removeMade = await makeFolders(folder);
    let lock: FolderLock | undefined;
    try {
      lock = await takeLock(folder);
      await rm(join(folder, 'data'), { recursive: true, force: true });
      return new ImportWork(folder, removeMade, lock, await openFiles(folder, settings, context));
    } catch (error) {
      await lock?.release();
      await removeMade();
      throw error;
    }
  }

  /** Whether all that an earlier try has made was asked for, so that nobody need ask further. */
  get isSearched(): boolean {
    return this.#found >= this.#earlier.size;
  }

  /** What an earlier try has made of a picture of this version. */
  find(version: string | undefined): EarlierPicture | undefined {
    const known = version === undefined ? undefined : this.#earlier.get(version);
    if (!known) return undefined;
    this.#found += 1;
    return { file: this.pixels.path, ...known };
  }

  /**
   * Keeps the pixels of a sample.
   *
   * @param made undefined where another try is to make them again
   */
  async keep(
    pixels: Uint8Array,
    made: { readonly version: string; readonly notices: readonly string[] } | undefined,
  ): Promise<KeptPixels> {
    const kept = { at: await this.pixels.append(pixels), sha256: sha256(pixels) };
    if (made) {
      const { version, notices } = made;
      this.#lines.push(
        `${JSON.stringify({ version, ...kept, notices } satisfies z.infer<typeof entrySchema>)}\n`,
      );
      if (this.#lines.length >= SAVED_EVERY) await this.#save();
    }
    return kept;
  }

  /** Pixels first: a line of the journal promises them. */
  async #save(): Promise<void> {
    await this.pixels.flush();
    await this.#journal.appendFile(this.#lines.join(''));
    this.#lines = [];
    this.#isSaved = true;
  }

  /** Removes the folder of an import that has succeeded. */
  async finish(): Promise<void> {
    await this.#close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /**
   * Ends an import that has failed.
   *
   * @returns whether the folder stays, for there is something to go on with
   */
  async stop(): Promise<boolean> {
    const isWorthIt = this.#isSaved || this.#earlier.size > 0;
    if (isWorthIt) await this.#close();
    else {
      await this.finish();
      await this.#removeMade();
    }
    return isWorthIt;
  }

  async #close(): Promise<void> {
    await this.pixels.close();
    await this.#journal.close();
    await this.#lock.release();
  }
}

interface Files {
  readonly pixels: Spool;
  readonly journal: FileHandle;
  readonly earlier: Map<string, Omit<EarlierPicture, 'file'>>;
}

async function openFiles(folder: string, settings: object, { reporter }: Context): Promise<Files> {
  const [pixelFile, journalFile] = [join(folder, 'pixels'), join(folder, 'journal.jsonl')];
  const header = JSON.stringify(settings);
  const { header: before, earlier } = await readJournal(journalFile);
  const pictures = countOf(earlier.size, 'picture');
  if (before !== header) {
    if (earlier.size > 0)
      reporter?.report({
        type: 'warning',
        message: `An earlier import to this folder, which did not end, had prepared ${pictures} with other settings (${changedKeys(before, settings).join(', ')}): this one begins again`,
      });
    earlier.clear();
    await rm(pixelFile, { force: true });
    await rm(journalFile, { force: true });
  } else if (earlier.size > 0)
    reporter?.report({
      type: 'note',
      message: `An earlier import to this folder did not end; the ${pictures} that it had prepared are not decoded again.`,
    });
  const pixels = await Spool.reopen(pixelFile);
  const journal = await open(journalFile, 'a');
  // The last line may be torn, and then an empty one ends it.
  await journal.appendFile(before === header ? '\n' : `${header}\n`);
  return { pixels, journal, earlier };
}

/** The first line of a journal, and what its other lines say; torn and damaged lines say nothing. */
async function readJournal(
  path: string,
): Promise<{ header: string | undefined; earlier: Map<string, Omit<EarlierPicture, 'file'>> }> {
  const earlier = new Map<string, Omit<EarlierPicture, 'file'>>();
  let header: string | undefined;
  if (!(await exists(path))) return { header, earlier };
  for await (const line of (await openPlainFile(path)).readLines()) {
    if (header === undefined) {
      header = line;
      continue;
    }
    const { data } = entrySchema.safeParse(parseJson(line));
    if (!data) continue;
    const { version, ...entry } = data;
    earlier.set(version, entry);
  }
  return { header, earlier };
}

/** The settings that differ, by name. */
function changedKeys(before: string | undefined, now: object): string[] {
  const flat = (value: unknown): [string, unknown][] =>
    Object.entries(value ?? {}).flatMap(([key, inner]) =>
      typeof inner === 'object' && inner !== null ? flat(inner) : [[key, inner]],
    );
  const old = new Map(flat(parseJson(before ?? '')));
  const current = new Map(flat(JSON.parse(JSON.stringify(now))));
  const changed = [...new Set([...old.keys(), ...current.keys()])].filter(
    (key) => old.get(key) !== current.get(key),
  );
  return changed;
}
