import { RobleError } from '../../../base/errors.js';
import type { Batch, StepHyperparameters, StepMetrics } from '../../../plugin/contracts.js';
import { askedMicrobatch, grow, type MemoryState, shrink, shrinkTo } from '../policies/memory.js';
import { recordEvent, type TrainingRun } from './training-run.js';

/** A step in parts that fit into the memory: where it does not fit, the same batch is tried in smaller ones. */
export async function fittingStep(
  run: TrainingRun,
  batch: Batch,
  hyper: StepHyperparameters,
): Promise<StepMetrics> {
  for (;;)
    try {
      return await run.session.step(batch, hyper);
    } catch (error) {
      const { code, message, details } = RobleError.from(error);
      const smaller = code === 'ROBLE_OUT_OF_MEMORY' && shrink(run.progress.memory, currentEpoch(run));
      if (!smaller) throw error;
      await recordEvent(run, {
        event: 'out-of-memory',
        detail: `${message} ${details.received ?? ''}`.trim(),
      });
      await decide(run, smaller, 'the step did not fit into the memory');
    }
}

/** Takes over the size that an earlier attempt had from this step on. */
export async function takeRecordedSize(run: TrainingRun): Promise<void> {
  const size = run.microbatches.at(run.progress.step);
  if (size === undefined || size === run.progress.memory.microbatchSize) return;
  const shrunk = shrinkTo(run.progress.memory, currentEpoch(run), size);
  await setMemory(run, { ...shrunk, microbatchSize: size });
}

/** Halves the microbatch because the process before was ended for its memory. */
export async function obeyCeiling(run: TrainingRun, size: number): Promise<void> {
  await takeRecordedSize(run);
  const { memory } = run.progress;
  if (memory.microbatchSize <= size) return;
  await decide(
    run,
    shrinkTo(memory, currentEpoch(run), size),
    'the training process was ended for its memory',
  );
}

/** At the end of an epoch: tries a larger microbatch again when it is time. */
export async function growMicrobatch(run: TrainingRun): Promise<void> {
  const { train } = run.request;
  const { step, epochs, memory } = run.progress;
  const limit = askedMicrobatch(run.recipe.batchSize, train);
  const larger = epochs.length < train.epochs && grow(memory, epochs.length, limit);
  if (!larger) return;
  // An earlier attempt was here: what it found out is taken over at the next step.
  if (run.microbatches.at(step) !== undefined) await setMemory(run, larger);
  else await decide(run, larger, 'trying whether there is more memory now');
}

/** From the next step on. It is written down first. */
async function decide(run: TrainingRun, memory: MemoryState, detail: string): Promise<void> {
  const { microbatchSize } = memory;
  try {
    await run.microbatches.decide(run.progress.step, microbatchSize);
  } catch (error) {
    // On a full disk the run goes on; only a kill before the next checkpoint could then change its bits.
    await recordEvent(run, { event: 'checkpoint-failed', detail: RobleError.from(error).message });
  }
  await recordEvent(run, { event: 'microbatch-changed', microbatchSize, detail });
  await setMemory(run, memory);
}

async function setMemory(run: TrainingRun, memory: MemoryState): Promise<void> {
  run.progress = { ...run.progress, memory };
  await run.session.setMicrobatchSize(memory.microbatchSize);
}

/** Counts from 1. */
function currentEpoch(run: TrainingRun): number {
  return run.progress.epochs.length + 1;
}
