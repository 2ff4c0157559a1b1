import { join } from 'node:path';
import { RobleError } from '../errors.js';
import { CheckpointStore } from './checkpoint.js';
import { evaluateSplit } from './evaluation.js';
import { exportBundle } from './export.js';
import type { EpochRecord } from './history.js';
import type { RunOutcome } from './messages.js';
import { learningRateFactor } from './schedule.js';
import type { TrainingSetup } from './setup.js';

/** Milliseconds between two reports of the steps. */
const REPORT_EVERY_MS = 200;

/** Trains to the last epoch, or until it is asked to stop; either way the state is saved and the best model exported. */
export async function runTrainingLoop(setup: TrainingSetup): Promise<RunOutcome> {
  const updates = { count: 0 };
  try {
    return await trainEpochs(setup, updates);
  } catch (error) {
    await setup.history.event('failed', updates.count, RobleError.from(error).message);
    throw error;
  }
}

/** Counts the updates that were made, so that an end of any kind knows when it came. */
interface Updates {
  count: number;
}

async function trainEpochs(setup: TrainingSetup, updates: Updates): Promise<RunOutcome> {
  const { request, session, history, emit } = setup;
  const { epochs, keepCheckpoints, monitor } = request.train;
  const checkpoints = new CheckpointStore(join(request.run, 'checkpoints'), keepCheckpoints);
  let best: EpochRecord | undefined;
  let epoch = 1;
  while (epoch <= epochs) {
    const trained = await trainEpoch(setup, epoch, updates);
    const evaluated = trained.complete && (await evaluateEpoch(setup, epoch));
    if (!trained.complete || !evaluated) break;
    const record: EpochRecord = { ...trained.metrics, ...evaluated, epoch, step: updates.count };
    const isBest = !best || better(monitor, record, best);
    if (isBest) best = record;
    await history.epoch(record);
    emit({ kind: 'epoch', epoch, metrics: { ...record }, best: isBest });
    const checkpoint = { state: await session.exportState(), progress: progressOf(epoch, 0, best, monitor) };
    if (isBest) await checkpoints.saveBest(checkpoint);
    emit({ kind: 'checkpoint', epoch, file: await checkpoints.save(checkpoint) });
    epoch++;
  }
  const stopped = epoch > epochs ? 'completed' : 'interrupted';
  if (stopped === 'interrupted') {
    const stepInEpoch = updates.count - (epoch - 1) * setup.stepsPerEpoch;
    const progress = progressOf(epoch - 1, stepInEpoch, best, monitor);
    const file = await checkpoints.save({ state: await session.exportState(), progress });
    emit({ kind: 'checkpoint', epoch, file });
  }
  const bundle = best && (await exportBundle(setup, checkpoints, best));
  await history.event(stopped, updates.count);
  return { stopped, epochs: epoch - 1, best, bundle };
}

function progressOf(
  epoch: number,
  stepInEpoch: number,
  best: EpochRecord | undefined,
  monitor: 'valLoss' | 'valAccuracy',
) {
  return { epoch, stepInEpoch, best: best && { epoch: best.epoch, value: best[monitor] } };
}

function better(monitor: 'valLoss' | 'valAccuracy', record: EpochRecord, than: EpochRecord): boolean {
  return monitor === 'valLoss' ? record.valLoss < than.valLoss : record.valAccuracy > than.valAccuracy;
}

/** The steps of one epoch; ends early, not complete, when asked to stop. */
async function trainEpoch(setup: TrainingSetup, epoch: number, updates: Updates) {
  const { request, session, batches, stepsPerEpoch, emit } = setup;
  const { train } = request;
  const totalSteps = stepsPerEpoch * train.epochs;
  const sums = { loss: 0, accuracy: 0, gradientNorm: 0 };
  const started = performance.now();
  let reported = 0;
  let learningRate = 0;
  let steps = 0;
  while (steps < stepsPerEpoch && !setup.shouldStop()) {
    const step = (epoch - 1) * stepsPerEpoch + steps;
    learningRate = train.learningRate * learningRateFactor(train.schedule, step, stepsPerEpoch, totalSteps);
    const metrics = await session.step(await batches.next(), { learningRate });
    for (const key of ['loss', 'accuracy', 'gradientNorm'] as const) sums[key] += metrics[key];
    steps++;
    updates.count++;
    const now = performance.now();
    if (now - reported < REPORT_EVERY_MS && steps < stepsPerEpoch) continue;
    reported = now;
    const msPerStep = (now - started) / steps;
    emit({
      kind: 'step',
      epoch,
      step: steps,
      stepsPerEpoch,
      metrics: { ...means(sums, steps), learningRate, imagesPerSecond: (train.batchSize / msPerStep) * 1000 },
      etaMs: (totalSteps - step - 1) * msPerStep,
    });
  }
  const trainSeconds = (performance.now() - started) / 1000;
  const imagesPerSecond = (steps * train.batchSize) / trainSeconds;
  return {
    complete: steps === stepsPerEpoch,
    steps,
    metrics: { ...means(sums, steps), learningRate, imagesPerSecond, trainSeconds },
  };
}

function means(sums: { loss: number; accuracy: number; gradientNorm: number }, steps: number) {
  return {
    loss: sums.loss / steps,
    accuracy: sums.accuracy / steps,
    gradientNorm: sums.gradientNorm / steps,
  };
}

async function evaluateEpoch(
  { request, session, validation, manifest, emit, shouldStop }: TrainingSetup,
  epoch: number,
) {
  const started = performance.now();
  const { evaluationBatchSize } = request.train;
  const metrics = await evaluateSplit(
    session,
    validation,
    manifest.classes.length,
    evaluationBatchSize,
    (done) => {
      emit({ kind: 'evaluating', epoch, done, total: validation.count });
      return !shouldStop();
    },
  );
  return metrics && { ...metrics, evaluationSeconds: (performance.now() - started) / 1000 };
}
