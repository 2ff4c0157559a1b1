import { type RunningWorker, startThread } from '../../../base/process/workers.js';
import type { Checkpoint } from './checkpoint.js';
import type { CheckpointFolders } from './store.js';
import type { SaveResult, WriteThread } from './write-worker.js';

/** Saves checkpoints on a thread, one after another. */
export class CheckpointWriter {
  readonly #thread: RunningWorker<WriteThread>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(folders: CheckpointFolders) {
    this.#thread = startThread<WriteThread>(new URL('./write-worker.js', import.meta.url), folders, {
      name: 'The thread of checkpoints',
    });
  }

  /** The memory of the state's tensors moves to the thread: they cannot be used any more. */
  save(checkpoint: Checkpoint): Promise<SaveResult> {
    const { parameters, optimizer } = checkpoint.state;
    const move = [...Object.values(parameters), ...Object.values(optimizer)].map(
      ({ data }) => data.buffer as ArrayBuffer,
    );
    const saved = this.#last.then(() => this.#thread.call('save', checkpoint, { move }));
    this.#last = saved.catch(() => {});
    return saved;
  }

  /** When everything that was handed over is on the disk, or has failed. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async close(): Promise<void> {
    await this.idle();
    await this.#thread.kill();
  }
}
