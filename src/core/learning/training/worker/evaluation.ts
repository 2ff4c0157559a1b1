import type { TensorMap } from '../../../base/storage/safetensors.js';
import type { TrainingState } from '../../../plugin/contracts.js';
import { type EvaluationOptions, evaluateSplit } from '../evaluation/stream-predictions.js';
import { epochInWork } from '../run/progress.js';
import { advanceRun, recordEvent, type TrainingRun } from './training-run.js';

/**
 * Evaluates the run on its validation split: the moving average of the weights where there is one, after which the state
 * is what it was before.
 *
 * @returns `metrics`, undefined when asked to stop; `weights`, those of the moving average
 */
export async function evaluateRun(run: TrainingRun) {
  const { session, request } = run;
  if (request.train.emaDecay === 0) return { metrics: await evaluateSession(run), weights: undefined };
  const state = await session.exportState();
  const weights = averagedWeights(state);
  await session.importState({ ...state, parameters: weights });
  const metrics = await evaluateSession(run);
  await session.importState(state);
  return { metrics, weights };
}

async function evaluateSession(run: TrainingRun) {
  const { session, judged, manifest } = run;
  const started = performance.now();
  const metrics = await evaluateSplit(session, judged, manifest.classes.length, evaluationOptions(run));
  return metrics && { ...metrics, evaluationSeconds: (performance.now() - started) / 1000 };
}

/** The moving average of the weights, with the running statistics as they are. */
function averagedWeights({ parameters, optimizer }: TrainingState): TensorMap {
  const averaged = Object.entries(parameters).map(([name, own]) => [name, optimizer[`ema/${name}`] ?? own]);
  return Object.fromEntries(averaged);
}

/** How a run evaluates: it reports how far it is, can be asked to stop, and keeps a batch size that fits into the memory. */
export function evaluationOptions(run: TrainingRun): EvaluationOptions {
  const { emit, shouldStop, validation } = run;
  const epoch = epochInWork(run.progress);
  const report = (done: number) => {
    const batchSize = run.progress.memory.evaluationBatchSize;
    emit({ kind: 'evaluating', epoch, done, total: validation.count, batchSize });
  };
  // Before the first batch: should the process be ended for its memory, the supervisor knows what was tried.
  report(0);
  return {
    batchSize: run.progress.memory.evaluationBatchSize,
    onBatch(done) {
      report(done);
      return !shouldStop();
    },
    onOutOfMemory(evaluationBatchSize) {
      advanceRun(run, { type: 'memory', memory: { ...run.progress.memory, evaluationBatchSize } });
      void recordEvent(run, {
        event: 'out-of-memory',
        detail: `the evaluation did not fit into the memory: it goes on with ${evaluationBatchSize} images at once`,
      });
    },
  };
}
