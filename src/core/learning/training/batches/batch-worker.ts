import { parentPort, workerData } from 'node:worker_threads';
import { allocateBatch, type BatchBuffers, BatchFiller, type BatchRecipe, buffersOf } from './batch.js';

/** The thread that prepares batches: asked for a step, it fills a batch (a used one, where it gets one) and hands it over. */
const recipe = workerData as BatchRecipe;
const filler = await BatchFiller.open(recipe);

parentPort!.on('message', ({ step, used }: { step: number; used?: BatchBuffers }) => {
  const batch = used ?? allocateBatch(recipe);
  filler.fill(batch, step);
  parentPort!.postMessage({ step, batch }, buffersOf(batch));
});
