import { once } from 'node:events';
import { basename, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { RUN_FILES } from '../../history/record.js';
import type { RunRequest } from '../run/messages.js';
import type { Checkpoint } from './checkpoint.js';
import { CheckpointStore } from './store.js';

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

/** Where a checkpoint went; without a path it is nowhere. */
export interface SaveResult {
  readonly path: string | undefined;
  /** What was in the way of each folder that was tried before. */
  readonly problems: readonly string[];
}

/** Saves checkpoints on a thread, one after another. */
export class CheckpointWriter {
  readonly #thread: Worker;
  #last: Promise<unknown> = Promise.resolve();

  constructor(folders: CheckpointFolders) {
    this.#thread = new Worker(new URL('./write-worker.js', import.meta.url), { workerData: folders });
  }

  /** The memory of the state's tensors moves to the thread: they cannot be used any more. */
  save(checkpoint: Checkpoint): Promise<SaveResult> {
    const { parameters, optimizer } = checkpoint.state;
    const buffers = [...Object.values(parameters), ...Object.values(optimizer)].map(
      ({ data }) => data.buffer as ArrayBuffer,
    );
    const saved = this.#last.then(async (): Promise<SaveResult> => {
      this.#thread.postMessage(checkpoint, buffers);
      const [result] = await once(this.#thread, 'message');
      return result;
    });
    this.#last = saved.catch(() => {});
    return saved;
  }

  /** When everything that was handed over is on the disk, or has failed. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async close(): Promise<void> {
    await this.idle();
    await this.#thread.terminate();
  }
}
