import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { RobleError } from '../../errors.js';
import { replaceFile } from '../../storage/durable.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';

const EXTENSION = '.safetensors';
/** Marks a checkpoint that no roll-back goes to. */
const INTERIM = '-interim';
/** Two: the newest may turn out to be bad. */
const ANCHORS = 2;
const DAMAGED = '.damaged';

export interface FoundCheckpoint {
  readonly path: string;
  readonly checkpoint: Checkpoint;
}

/** A checkpoint file that is damaged; it was renamed, so that it is neither read again nor lost. */
export interface PassedOver {
  readonly path: string;
  readonly reason: string;
}

export interface Search {
  readonly accept: (checkpoint: Checkpoint) => boolean;
  readonly onPassedOver: (file: PassedOver) => void;
}

/** The newest checkpoint of several folders. */
export async function newestOf(
  stores: readonly CheckpointStore[],
  search: Search,
): Promise<FoundCheckpoint | undefined> {
  const found: FoundCheckpoint[] = [];
  for (const store of stores) {
    const newest = await store.newest(search);
    if (newest) found.push(newest);
  }
  return found.sort((a, b) => b.checkpoint.progress.step - a.checkpoint.progress.step)[0];
}

/** The step of the newest checkpoint of several folders, by its name; -1: there is none. */
export async function newestStepOf(stores: readonly CheckpointStore[]): Promise<number> {
  return Math.max(-1, ...(await Promise.all(stores.map((store) => store.newestStep()))));
}

/** The checkpoints of a run in one folder: the newest few, and the best one, which rotation never touches. */
export class CheckpointStore {
  readonly #folder: string;
  readonly #keep: number;

  constructor(folder: string, keep: number) {
    this.#folder = folder;
    this.#keep = keep;
  }

  /**
   * Writes a checkpoint, reads it back, and only then removes older ones: the newest `keep` stay, and the newest two
   * that a roll-back may go to. Gives its path.
   */
  async save(checkpoint: Checkpoint): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    const { step, anchor } = checkpoint.progress;
    const name = `step-${String(step).padStart(9, '0')}${anchor ? '' : INTERIM}${EXTENSION}`;
    const path = join(this.#folder, name);
    await this.#write(path, checkpoint);
    const newestFirst = (await this.list()).reverse();
    const kept = new Set([
      ...newestFirst.slice(0, this.#keep),
      ...newestFirst.filter((other) => !other.includes(INTERIM)).slice(0, ANCHORS),
    ]);
    for (const old of newestFirst) if (!kept.has(old)) await rm(old, { force: true });
    return path;
  }

  async saveBest(checkpoint: Checkpoint): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    await this.#write(this.#bestPath, checkpoint);
    return this.#bestPath;
  }

  /** @throws {RobleError} `ROBLE_CHECKPOINT_INVALID`, `ROBLE_FILE_NOT_FOUND` */
  async readBest(): Promise<Checkpoint> {
    return readCheckpoint(this.#bestPath);
  }

  /** The newest checkpoint that can be read and is accepted; undefined when there is none. */
  async newest({ accept, onPassedOver }: Search): Promise<FoundCheckpoint | undefined> {
    for (const path of (await this.list()).reverse())
      try {
        const checkpoint = await readCheckpoint(path);
        if (accept(checkpoint)) return { path, checkpoint };
      } catch (error) {
        const { code, message } = RobleError.from(error);
        if (code !== 'ROBLE_CHECKPOINT_INVALID') throw error;
        await rename(path, `${path}${DAMAGED}`);
        onPassedOver({ path, reason: message });
      }
    return undefined;
  }

  /** Paths of the regular checkpoints, oldest first. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      // A file in its place is told when something is to be saved.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
      throw error;
    });
    return names
      .filter((name) => name.startsWith('step-') && name.endsWith(EXTENSION))
      .sort()
      .map((name) => join(this.#folder, name));
  }

  /** The step of the newest checkpoint, by its name; -1: there is none. */
  async newestStep(): Promise<number> {
    const newest = (await this.list()).at(-1);
    return newest === undefined ? -1 : Number(/step-(\d+)/.exec(basename(newest))![1]);
  }

  get #bestPath(): string {
    return join(this.#folder, `best${EXTENSION}`);
  }

  async #write(path: string, checkpoint: Checkpoint): Promise<void> {
    await replaceFile(path, encodeCheckpoint(checkpoint));
    await readCheckpoint(path);
  }
}

async function readCheckpoint(path: string): Promise<Checkpoint> {
  return decodeCheckpoint(await readFile(path), path);
}
