import { parentPort, workerData } from 'node:worker_threads';
import { RobleError } from '../../errors.js';
import type { Checkpoint } from './checkpoint.js';
import { type CheckpointFolders, type SaveResult, storesOf } from './checkpoint-writer.js';

/** The thread that encodes, writes and verifies checkpoints, so that training does not wait for the disk. */
const stores = storesOf(workerData as CheckpointFolders);

parentPort!.on('message', async ({ checkpoint, best }: { checkpoint: Checkpoint; best: boolean }) => {
  parentPort!.postMessage(await save(checkpoint, best));
});

async function save(checkpoint: Checkpoint, best: boolean): Promise<SaveResult> {
  const problems: string[] = [];
  for (const store of stores)
    try {
      const path = await (best ? store.saveBest(checkpoint) : store.save(checkpoint));
      return { path, problems };
    } catch (error) {
      problems.push(RobleError.from(error).message);
    }
  return { path: undefined, problems };
}
