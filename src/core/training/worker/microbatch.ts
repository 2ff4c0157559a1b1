import { RobleError } from '../../errors.js';
import type { Batch, StepHyperparameters, StepMetrics } from '../../plugin/api.js';
import { grow, type MemoryState, shrink } from '../policies/memory.js';
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
      const smaller = isOutOfMemory(error) && shrink(run.progress.memory, currentEpoch(run));
      if (!smaller) throw error;
      const { message, details } = RobleError.from(error);
      await recordEvent(run, {
        event: 'out-of-memory',
        detail: `${message} ${details.received ?? ''}`.trim(),
      });
      await changeMemory(run, smaller, 'the step did not fit into the memory');
    }
}

/** Takes over the size that an earlier attempt had from this step on. */
export async function takeRecordedSize(run: TrainingRun): Promise<void> {
  const size = run.recordedSizes.get(run.progress.step);
  if (size === undefined) return;
  let { memory } = run.progress;
  while (memory.microbatchSize > size) memory = shrink(memory, currentEpoch(run)) ?? memory;
  await setMemory(run, { ...memory, microbatchSize: size });
}

/** Halves the microbatch because the process before was ended for its memory. */
export async function shrinkAfterKill(run: TrainingRun, size: number): Promise<void> {
  let { memory } = run.progress;
  if (memory.microbatchSize <= size) return;
  while (memory.microbatchSize > size) memory = shrink(memory, currentEpoch(run)) ?? memory;
  await changeMemory(run, memory, 'the training process was ended for its memory');
}

/** At the end of an epoch: tries a larger microbatch again when it is time. */
export async function growMicrobatch(run: TrainingRun): Promise<void> {
  const done = run.progress.epochs.length;
  const larger = done < run.request.train.epochs && grow(run.progress.memory, done, run.recipe.batchSize);
  if (larger) await changeMemory(run, larger, 'trying whether there is more memory now');
}

/** From the next step on. The record comes first, so that an attempt after a kill does the same. */
async function changeMemory(run: TrainingRun, memory: MemoryState, detail: string): Promise<void> {
  const { microbatchSize } = memory;
  if (run.recordedSizes.get(run.progress.step) !== microbatchSize)
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

function isOutOfMemory(error: unknown): boolean {
  return RobleError.from(error).code === 'ROBLE_OUT_OF_MEMORY';
}
