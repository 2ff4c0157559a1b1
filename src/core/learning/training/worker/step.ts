import { RobleError } from '../../../base/errors.js';
import type { Batch, StepHyperparameters, StepMetrics } from '../../../plugin/contracts.js';
import { samplesOfStep } from '../batches/batch.js';
import { type HealthState, type HealthVerdict, judgeStep, stepLimits } from '../policies/health.js';
import { askedMicrobatch, grow, type MemoryState, shrink, shrinkTo } from '../policies/memory.js';
import { learningRateFactor } from '../policies/schedule.js';
import { newestAnchor } from './save.js';
import { advanceRun, recordEvent, type TrainingRun } from './training-run.js';

/**
 * One batch through the engine: in parts that fit into the memory, checked before it is applied, and answered when it
 * is bad. Afterwards the run is one step further.
 */
export async function trainStep(run: TrainingRun): Promise<void> {
  const { train } = run.request;
  const started = performance.now();
  await takeRecordedSize(run);
  const batch = await run.batches.next();
  const { step } = run.progress;
  const learningRate = learningRateAt(run, step);
  const metrics = await fittingStep(run, batch, {
    learningRate,
    emaDecay: emaDecayAt(train.emaDecay, step),
    limits: stepLimits(run.progress.health, train.health),
  });
  const health = await healthAfter(run, metrics);
  const seconds = (performance.now() - started) / 1000;
  advanceRun(run, { type: 'step', metrics, learningRate, seconds, health });
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

/**
 * The state of health after a step. A bad one was not applied; it is recorded, and where it is one too many, the
 * weights go back to the newest good checkpoint. The batches go on: those between that checkpoint and here are left
 * out.
 *
 * @throws {RobleError} `ROBLE_TRAIN_DIVERGED` when there is nothing left to try
 */
async function healthAfter(run: TrainingRun, metrics: StepMetrics): Promise<HealthState> {
  const { state, verdict } = judgeStep(run.progress.health, metrics, run.request.train.health);
  if (verdict === 'good') return state;
  const detail = `loss ${metrics.loss}, gradient norm ${metrics.gradientNorm}`;
  const samples = samplesOfStep(run.recipe, run.progress.step);
  await recordEvent(run, { event: 'step-skipped', detail, samples: [...samples] });
  if (verdict === 'skipped') return state;
  if (verdict === 'give-up') throw diverged(run, detail);
  return { ...state, unprovenAnchor: await rollBack(run, verdict, detail) };
}

/** Puts the weights of the newest good checkpoint back; gives its step. */
async function rollBack(
  run: TrainingRun,
  verdict: Extract<HealthVerdict, 'roll-back' | 'roll-back-and-cut'>,
  detail: string,
): Promise<number> {
  // An anchor from which no step has succeeded is not trusted: the one before it is taken.
  const { unprovenAnchor = Number.POSITIVE_INFINITY } = run.progress.health;
  const anchor = await newestAnchor(run, unprovenAnchor);
  if (!anchor) throw diverged(run, `${detail}; there is no good checkpoint to go back to`);
  await run.session.importState(anchor.state);
  const { step } = anchor.progress;
  await recordEvent(run, { event: 'rolled-back', detail: `to the weights of step ${step}` });
  if (verdict === 'roll-back-and-cut')
    await recordEvent(run, {
      event: 'learning-rate-cut',
      detail: `times ${run.request.train.health.learningRateCut}`,
    });
  return step;
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

/** Takes the size that an earlier attempt had from this step on. */
async function takeRecordedSize(run: TrainingRun): Promise<void> {
  const size = run.microbatches.at(run.progress.step);
  if (size === undefined || size === run.progress.memory.microbatchSize) return;
  const shrunk = shrinkTo(run.progress.memory, currentEpoch(run), size);
  await setMemory(run, { ...shrunk, microbatchSize: size });
}

/** Halves the microbatch because the process before was ended for its memory. */
export async function obeyMicrobatchCeiling(run: TrainingRun, size: number): Promise<void> {
  await takeRecordedSize(run);
  const { memory } = run.progress;
  if (memory.microbatchSize <= size) return;
  const smaller = shrinkTo(memory, currentEpoch(run), size);
  await decide(run, smaller, 'the training process was ended for its memory');
}

/** At the end of an epoch: tries a larger microbatch again when it is time. */
export async function growMicrobatch(run: TrainingRun): Promise<void> {
  const { train } = run.request;
  const { step, epochs, memory } = run.progress;
  const limit = askedMicrobatch(train.batchSize, train);
  const larger = epochs.length < train.epochs && grow(memory, epochs.length, limit);
  if (!larger) return;
  // An earlier attempt was here: what it found out is taken at the next step.
  if (run.microbatches.at(step) !== undefined) await setMemory(run, larger);
  else await decide(run, larger, 'trying whether there is more memory now');
}

/** Changes the size of the parts from the next step on. It is written down first. */
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
  advanceRun(run, { type: 'memory', memory });
  await run.session.setMicrobatchSize(memory.microbatchSize);
}

/** The epoch that the next step belongs to, from 1. */
function currentEpoch(run: TrainingRun): number {
  return run.progress.epochs.length + 1;
}
