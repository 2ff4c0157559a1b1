import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { RobleError } from '../../../base/errors.js';
import { replaceFile } from '../../../base/storage/durable.js';
import { isAbsent } from '../../../base/storage/files.js';
import { readPlainFile } from '../../../base/storage/read-file.js';
import { RUN_FILES } from '../../history/record.js';
import type { RunRequest } from '../run/folder.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';

const EXTENSION = '.safetensors';
/** Marks a checkpoint that no roll-back goes to. */
const INTERIM = '-interim';
const DAMAGED = '.damaged';

export interface FoundCheckpoint {
  readonly path: string;
  readonly checkpoint: Checkpoint;
}

/** A checkpoint file that could not be read; it is renamed where possible, so that it is neither tried again nor lost. */
export interface PassedOver {
  readonly path: string;
  readonly reason: string;
}

export interface Search {
  readonly accept: (checkpoint: Checkpoint) => boolean;
  readonly onPassedOver: (file: PassedOver) => void;
}

export interface Newest {
  /** Undefined when there is none. */
  readonly checkpoint: Checkpoint | undefined;
  readonly passedOver: readonly PassedOver[];
}

export const NOTHING_FOUND: Newest = { checkpoint: undefined, passedOver: [] };

/** The newest checkpoint of several folders that can be read and is accepted. */
export async function newestOf(
  stores: readonly CheckpointStore[],
  accept: Search['accept'],
): Promise<Newest> {
  const found: FoundCheckpoint[] = [];
  const passedOver: PassedOver[] = [];
  for (const store of stores) {
    const newest = await store.newest({ accept, onPassedOver: (file) => passedOver.push(file) });
    if (newest) found.push(newest);
  }
  const [newest] = found.sort((a, b) => b.checkpoint.progress.step - a.checkpoint.progress.step);
  return { checkpoint: newest?.checkpoint, passedOver };
}

/** The step of the newest checkpoint of several folders, by its name; -1: there is none. */
export async function newestStepOf(stores: readonly CheckpointStore[]): Promise<number> {
  return Math.max(-1, ...(await Promise.all(stores.map((store) => store.newestStep()))));
}

/** The newest checkpoints of a run in one folder. */
export class CheckpointStore {
  readonly #folder: string;
  readonly #keep: number;

  constructor(folder: string, keep: number) {
    this.#folder = folder;
    this.#keep = keep;
  }

  /**
   * Writes a checkpoint, reads it back, and only then removes older ones. The newest `keep` anchors stay, and of
   * what was saved in between, at a signal or by the clock, the newest one. Gives its path.
   */
  async save(checkpoint: Checkpoint): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    const { step, anchor } = checkpoint.progress;
    const name = `step-${String(step).padStart(9, '0')}${anchor ? '' : INTERIM}${EXTENSION}`;
    const path = join(this.#folder, name);
    await replaceFile(path, encodeCheckpoint(checkpoint));
    try {
      await readCheckpoint(path);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    const newestFirst = (await this.list()).reverse();
    const interim = newestFirst.filter(isInterim);
    const anchors = newestFirst.filter((other) => !isInterim(other));
    for (const old of [...interim.slice(1), ...anchors.slice(this.#keep)]) await rm(old, { force: true });
    return path;
  }

  /** The newest checkpoint that can be read and is accepted; undefined when there is none. */
  async newest({ accept, onPassedOver }: Search): Promise<FoundCheckpoint | undefined> {
    for (const path of (await this.list()).reverse())
      try {
        const checkpoint = await readCheckpoint(path);
        if (accept(checkpoint)) return { path, checkpoint };
      } catch (error) {
        // Whatever is wrong with it, damage or a bad sector: the one before may be good.
        const { message } = RobleError.from(error);
        const setAside = await rename(path, `${path}${DAMAGED}`).then(
          () => '',
          (cause: Error) => ` It could not be set aside either: ${cause.message}`,
        );
        onPassedOver({ path, reason: message + setAside });
      }
    return undefined;
  }

  /** Paths of the regular checkpoints, oldest first. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      // A file in its place is reported when something is to be saved.
      if (isAbsent(error)) return [];
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
}

function isInterim(path: string): boolean {
  return path.endsWith(`${INTERIM}${EXTENSION}`);
}

async function readCheckpoint(path: string): Promise<Checkpoint> {
  return decodeCheckpoint(await readPlainFile(path), path);
}

export interface CheckpointFolders {
  readonly folder: string;
  /** Where checkpoints go while `folder` takes none. */
  readonly fallback: string | undefined;
  readonly keep: number;
}

/**
 * Where the checkpoints of a run are. As many anchors are kept as there may be roll-backs in a row, each to the one
 * before. Other runs of the same name may use the same fallback, so the run's id is in its folder's name there.
 */
export function foldersOf({ id, run, train }: Pick<RunRequest, 'id' | 'run' | 'train'>): CheckpointFolders {
  const { checkpointFallback, keepCheckpoints, health } = train;
  return {
    folder: join(run, RUN_FILES.checkpoints),
    fallback: checkpointFallback && join(checkpointFallback, `${basename(run)}-${id}`),
    keep: Math.max(keepCheckpoints, health.maxRollbacks),
  };
}

/** The folders as stores, in the order in which they are tried. */
export function storesOf({ folder, fallback, keep }: CheckpointFolders): CheckpointStore[] {
  return [folder, ...(fallback ? [fallback] : [])].map((path) => new CheckpointStore(path, keep));
}
