import { RobleError } from '../../../base/errors.js';
import type { Batch, StepHyperparameters, StepMetrics } from '../../../plugin/contracts.js';
import { samplesOfStep } from '../batches/batch.js';
import type { EpochTotals } from '../checkpoints/checkpoint.js';
import { type HealthState, type HealthVerdict, judgeStep, stepLimits } from '../policies/health.js';
import { askedMicrobatch, grow, type MemoryState, shrink, shrinkTo } from '../policies/memory.js';
import { learningRateFactor } from '../policies/schedule.js';
import { recordEvent, type TrainingRun } from './training-run.js';

/**
 * One batch through the engine: in parts that fit into the memory, checked before it is applied, and answered when it
 * is bad. Afterwards `run.progress` is one step further.
 */
export async function trainStep(run: TrainingRun): Promise<void> {
  const { train } = run.request;
  const started = performance.now();
  await takeRecordedSize(run);
  const batch: Batch = await run.batches.next();
  const { step } = run.progress;
  const learningRate = learningRateAt(run, step);
  const metrics = await fittingStep(run, batch, {
    learningRate,
    emaDecay: emaDecayAt(train.emaDecay, step),
    limits: stepLimits(run.progress.health, train.health),
  });
  const { state, verdict } = judgeStep(run.progress.health, metrics, train.health);
  const health = verdict === 'good' ? state : { ...state, ...(await answer(run, verdict, metrics)) };
  const seconds = (performance.now() - started) / 1000;
  const current = add(run.progress.current, metrics, learningRate, seconds);
  run.progress = { ...run.progress, step: step + 1, current, health };
}

function learningRateAt({ request, stepsPerEpoch, progress }: TrainingRun, step: number): number {
  const { learningRate, schedule, epochs } = request.train;
  const factor = learningRateFactor(schedule, step, stepsPerEpoch, stepsPerEpoch * epochs);
  return learningRate * factor * progress.health.learningRateFactor;
}

/** Shorter at first, when the weights that it would remember are still random (as TensorFlow's moving averages do). */
function emaDecayAt(decay: number, step: number): number {
  return Math.min(decay, (1 + step) / (10 + step));
}

function add(totals: EpochTotals, metrics: StepMetrics, learningRate: number, seconds: number): EpochTotals {
  const share = metrics.applied ? 1 : 0;
  const plus = (sum: number, value: number) => (metrics.applied ? sum + value : sum);
  return {
    steps: totals.steps + 1,
    applied: totals.applied + share,
    loss: plus(totals.loss, metrics.loss),
    accuracy: plus(totals.accuracy, metrics.accuracy),
    gradientNorm: plus(totals.gradientNorm, metrics.gradientNorm),
    learningRate,
    seconds: totals.seconds + seconds,
  };
}

/**
 * What happens after a bad step; gives what it adds to the state of health. The batches go on: those between the anchor
 * and here are left out.
 */
async function answer(
  run: TrainingRun,
  verdict: Exclude<HealthVerdict, 'good'>,
  { loss, gradientNorm }: StepMetrics,
): Promise<Partial<HealthState>> {
  const detail = `loss ${loss}, gradient norm ${gradientNorm}`;
  const samples = samplesOfStep(run.recipe, run.progress.step);
  await recordEvent(run, { event: 'step-skipped', detail, samples: [...samples] });
  if (verdict === 'skipped') return {};
  if (verdict === 'give-up') throw diverged(run, detail);
  // An anchor from which not one step succeeded is no good one: the one before it.
  const { unprovenAnchor = Number.POSITIVE_INFINITY } = run.progress.health;
  const anchor = await run.saver.newestAnchor(run, unprovenAnchor);
  if (!anchor) throw diverged(run, `${detail}; there is no good checkpoint to go back to`);
  await run.session.importState(anchor.state);
  const { step } = anchor.progress;
  await recordEvent(run, { event: 'rolled-back', detail: `to the weights of step ${step}` });
  if (verdict === 'roll-back-and-cut')
    await recordEvent(run, {
      event: 'learning-rate-cut',
      detail: `times ${run.request.train.health.learningRateCut}`,
    });
  return { unprovenAnchor: step };
}

function diverged({ progress }: TrainingRun, detail: string): RobleError {
  return new RobleError('ROBLE_TRAIN_DIVERGED', `The training diverged at step ${progress.step + 1}.`, {
    received: detail,
    expected: 'finite numbers in the range of the steps before',
    nextSteps: [
      'Lower the learning rate, or add warm-up epochs.',
      'Keep gradient clipping on (train.clipNorm).',
      'The history names the samples of each skipped step: look at them.',
    ],
  });
}

/** A step in parts that fit into the memory: where it does not fit, the same batch is tried in smaller ones. */
async function fittingStep(run: TrainingRun, batch: Batch, hyper: StepHyperparameters): Promise<StepMetrics> {
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
async function takeRecordedSize(run: TrainingRun): Promise<void> {
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
