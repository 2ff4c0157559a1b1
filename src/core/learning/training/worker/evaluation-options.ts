import type { EvaluationOptions } from '../evaluation/stream-predictions.js';
import { epochInWork, recordEvent, type TrainingRun } from './training-run.js';

/** How the run evaluates: it hears the request to stop, and keeps a batch size that fits into the memory. */
export function evaluationOptions(run: TrainingRun): EvaluationOptions {
  const { emit, shouldStop, validation } = run;
  const epoch = epochInWork(run);
  const tell = (done: number) => {
    const batchSize = run.progress.memory.evaluationBatchSize;
    emit({ kind: 'evaluating', epoch, done, total: validation.count, batchSize });
  };
  // Before the first batch: whoever looks on knows what was tried, should the process be ended for it.
  tell(0);
  return {
    batchSize: run.progress.memory.evaluationBatchSize,
    onBatch(done) {
      tell(done);
      return !shouldStop();
    },
    onOutOfMemory(evaluationBatchSize) {
      run.progress = { ...run.progress, memory: { ...run.progress.memory, evaluationBatchSize } };
      void recordEvent(run, {
        event: 'out-of-memory',
        detail: `the evaluation did not fit into the memory: it goes on with ${evaluationBatchSize} images at once`,
      });
    },
  };
}
