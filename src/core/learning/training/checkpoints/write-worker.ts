import { RobleError } from '../../../base/errors.js';
import { answerCalls } from '../../../base/process/answer-calls.js';
import type { Checkpoint } from './checkpoint.js';
import { type CheckpointFolders, storesOf } from './store.js';

/** The thread that encodes, writes and verifies checkpoints, so that training does not wait for the disk. */
export type WriteThread = typeof start;

answerCalls(start);

function start(folders: CheckpointFolders) {
  const stores = storesOf(folders);
  return {
    async save(checkpoint: Checkpoint): Promise<SaveResult> {
      const problems: string[] = [];
      for (const store of stores)
        try {
          return { path: await store.save(checkpoint), problems };
        } catch (error) {
          problems.push(RobleError.from(error).message);
        }
      return { path: undefined, problems };
    },
  };
}

/** Where a checkpoint went; without a path it is nowhere. */
export interface SaveResult {
  readonly path: string | undefined;
  /** What was in the way of each folder that was tried before. */
  readonly problems: readonly string[];
}
