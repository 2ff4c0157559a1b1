import type { EvaluationOptions } from '../evaluation/stream-predictions.js';
import { recordEvent, type TrainingRun } from './training-run.js';

/** How the run evaluates: it hears the request to stop, and keeps a batch size that fits into the memory. */
export function evaluationOptions(run: TrainingRun): EvaluationOptions {
  const { emit, shouldStop, validation, progress } = run;
  // After the last epoch it is the best weights that are looked at.
  const epoch = progress.epochs.length + (progress.current.steps > 0 ? 1 : 0);
  return {
    batchSize: progress.memory.evaluationBatchSize,
    onBatch(done) {
      emit({ kind: 'evaluating', epoch, done, total: validation.count });
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
