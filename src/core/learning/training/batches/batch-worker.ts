import { answerCalls, Moved } from '../../../base/process/answer-calls.js';
import { allocateBatch, type BatchBuffers, BatchFiller, type BatchRecipe, buffersOf } from './batch.js';

/** The thread that prepares batches: asked for a step, it fills a batch (a used one, where it gets one) and hands it over. */
export type BatchThread = typeof start;

answerCalls(start);

async function start(recipe: BatchRecipe) {
  const filler = await BatchFiller.open(recipe);
  return {
    fill({ step, used }: { readonly step: number; readonly used: BatchBuffers | undefined }) {
      const batch = used ?? allocateBatch(recipe);
      filler.fill(batch, step);
      return new Moved(batch, buffersOf(batch));
    },
  };
}
