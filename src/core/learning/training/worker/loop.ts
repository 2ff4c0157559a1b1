import { RobleError } from '../../../base/errors.js';
import type { TensorMap } from '../../../base/storage/safetensors.js';
import type { TrainingState } from '../../../plugin/contracts.js';
import type { EpochRecord } from '../../history/record.js';
import { NO_STEPS } from '../checkpoints/checkpoint.js';
import { evaluateSplit } from '../evaluation/stream-predictions.js';
import { bestEpoch, endOf } from '../policies/early-stopping.js';
import { afterEpoch } from '../policies/health.js';
import type { RunOutcome } from '../run/folder.js';
import { evaluationOptions } from './evaluation.js';
import { exportBundle, exportReport } from './export.js';
import { growMicrobatch, trainStep } from './step.js';
import { recordEvent, type TrainingRun } from './training-run.js';

/** Milliseconds between two reports of the steps. */
const REPORT_EVERY_MS = 200;

/** Trains to the last epoch, or until it is asked to stop; either way the state is saved and the best model exported. */
export async function runTrainingLoop(run: TrainingRun): Promise<RunOutcome> {
  const endNow = () => endOf(run.progress.epochs, run.request.train);
  let end = endNow();
  while (!end && (await trainEpoch(run)) && (await evaluateEpoch(run))) end = endNow();
  if (!end) await run.saver.save(run, false);
  await run.saver.idle();
  const best = bestEpoch(run.progress.epochs, run.request.train.monitor);
  if (end && !best) throw withoutModel(run);
  const bundle = best && (await exportBundle(run, best));
  // Asked to stop while it looks at the best weights: the run goes on with that.
  if (end && best && !(await exportReport(run, best))) end = undefined;
  const stopped = end?.stopped ?? 'interrupted';
  await recordEvent(run, { event: stopped, ...(end?.reason && { detail: end.reason }) });
  return { stopped, epochs: run.progress.epochs.length, best, bundle };
}

/** The steps of the epoch that are left; false when asked to stop. */
async function trainEpoch(run: TrainingRun): Promise<boolean> {
  let reported = 0;
  while (run.progress.current.steps < run.stepsPerEpoch) {
    if (run.shouldStop()) return false;
    await trainStep(run);
    await saveWhenDue(run);
    const now = performance.now();
    if (now - reported < REPORT_EVERY_MS && run.progress.current.steps < run.stepsPerEpoch) continue;
    reported = now;
    reportSteps(run);
  }
  return true;
}

async function saveWhenDue(run: TrainingRun): Promise<void> {
  const { checkpointEverySteps, checkpointEverySeconds } = run.request.train;
  const anchor = checkpointEverySteps > 0 && run.progress.step % checkpointEverySteps === 0;
  const late = checkpointEverySeconds > 0 && run.saver.age >= checkpointEverySeconds;
  if (anchor || late) await run.saver.save(run, anchor);
}

/** Ends the epoch: its metrics go into the history and a checkpoint. False when asked to stop in between. */
async function evaluateEpoch(run: TrainingRun): Promise<boolean> {
  const { monitor } = run.request.train;
  const { evaluated, weights } = await evaluate(run);
  if (!evaluated) return false;
  const { progress, history, emit, saver } = run;
  const { current, step, epochs } = progress;
  const record: EpochRecord = {
    epoch: epochs.length + 1,
    step,
    ...meansOf(run),
    skippedSteps: current.steps - current.applied,
    trainSeconds: current.seconds,
    ...evaluated,
  };
  const health = afterEpoch(progress.health, progress.healthAtEpochStart);
  run.progress = {
    ...progress,
    epochs: [...epochs, record],
    current: NO_STEPS,
    health,
    healthAtEpochStart: health,
  };
  const isBest = bestEpoch(run.progress.epochs, monitor) === record;
  await history.epoch(record);
  emit({ kind: 'epoch', epoch: record.epoch, metrics: { ...record }, best: isBest });
  if (isBest) run.best = weights ?? (await run.session.exportState()).parameters;
  const hasOutputs = Number.isFinite(record.valLoss);
  if (!hasOutputs)
    await recordEvent(run, {
      event: 'outputs-not-finite',
      detail: `epoch ${record.epoch} cannot be the best`,
    });
  await growMicrobatch(run);
  // Weights that give no numbers are nothing to go back to.
  await saver.save(run, hasOutputs);
  return true;
}

/** Of a run none of whose epochs can be the best. */
function withoutModel({ request, progress: { epochs } }: TrainingRun): RobleError {
  return new RobleError('ROBLE_TRAIN_DIVERGED', 'The training diverged: there is no epoch worth a model.', {
    received: `a validation loss of ${epochs.map(({ valLoss }) => valLoss).join(', ')}`,
    expected: 'an epoch whose outputs are finite numbers',
    nextSteps: [
      `Begin a new run with a lower learning rate than ${request.train.learningRate} ("roble train:find-lr" finds one), or with warm-up epochs.`,
      'The history and the checkpoints are kept: "roble history:analyze RUN" shows them.',
    ],
  });
}

/** Evaluates the moving average where there is one, and puts the state back; `weights` are those of the average. */
async function evaluate(run: TrainingRun) {
  const { session, request } = run;
  if (request.train.emaDecay === 0) return { evaluated: await evaluateSession(run), weights: undefined };
  const state = await session.exportState();
  const weights = averagedWeights(state);
  await session.importState({ ...state, parameters: weights });
  const evaluated = await evaluateSession(run);
  await session.importState(state);
  return { evaluated, weights };
}

async function evaluateSession(run: TrainingRun) {
  const { session, validation, manifest } = run;
  const started = performance.now();
  const metrics = await evaluateSplit(session, validation, manifest.classes.length, evaluationOptions(run));
  return metrics && { ...metrics, evaluationSeconds: (performance.now() - started) / 1000 };
}

/** The moving average of the weights, with the running statistics as they are. */
function averagedWeights({ parameters, optimizer }: TrainingState): TensorMap {
  const averaged = Object.entries(parameters).map(([name, own]) => [name, optimizer[`ema/${name}`] ?? own]);
  return Object.fromEntries(averaged);
}

/** The metrics of the epoch so far. */
function meansOf({ request, progress: { current } }: TrainingRun) {
  return {
    loss: current.loss / current.applied,
    accuracy: current.accuracy / current.applied,
    gradientNorm: current.gradientNorm / current.applied,
    learningRate: current.learningRate,
    imagesPerSecond: (current.steps * request.train.batchSize) / current.seconds,
  };
}

function reportSteps(run: TrainingRun): void {
  const { progress, stepsPerEpoch, request, emit } = run;
  const { current, step, epochs, memory } = progress;
  const secondsPerStep = current.seconds / current.steps;
  emit({
    kind: 'step',
    epoch: epochs.length + 1,
    step: current.steps,
    stepsPerEpoch,
    metrics: meansOf(run),
    etaMs: (stepsPerEpoch * request.train.epochs - step) * secondsPerStep * 1000,
    memoryBytes: process.memoryUsage.rss(),
    microbatchSize: memory.microbatchSize,
  });
}
