import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Checkpoint } from './checkpoint.js';
import type { CheckpointFolders } from './store.js';
import type { SaveResult } from './write-worker.js';

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
