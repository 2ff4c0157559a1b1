import { RobleError } from '../../../base/errors.js';
import type { EpochRecord } from '../../history/record.js';
import { bestEpoch, endOf } from '../policies/early-stopping.js';
import type { RunOutcome } from '../run/folder.js';
import { meansOf } from '../run/progress.js';
import { evaluateRun } from './evaluation.js';
import { exportBundle, exportReport } from './export.js';
import { save, saveWhenDue } from './save.js';
import { growMicrobatch, trainStep } from './step.js';
import { advanceRun, recordEvent, type TrainingRun } from './training-run.js';

/** Trains to the last epoch, or until it is asked to stop; either way the state is saved and the best model exported. */
export async function runTrainingLoop(run: TrainingRun): Promise<RunOutcome> {
  const endNow = () => endOf(run.progress.epochs, run.request.train);
  let end = endNow();
  while (!end && (await trainEpoch(run)) && (await evaluateEpoch(run))) end = endNow();
  if (!end) await save(run, { scheduled: false });
  await run.checkpoints.idle();
  const best = bestEpoch(run.progress.epochs, run.request.train.monitor);
  if (end && !best) throw withoutModel(run);
  const bundle = best && (await exportBundle(run, best));
  // Asked to stop while it evaluates the best weights: when the run is resumed, it does that again.
  if (end && best && !(await exportReport(run, best))) end = undefined;
  const stopped = end?.stopped ?? 'interrupted';
  await recordEvent(run, { event: stopped, ...(end?.reason && { detail: end.reason }) });
  return { stopped, epochs: run.progress.epochs.length, best, bundle };
}

/** Milliseconds between two reports of the steps. */
const REPORT_EVERY_MS = 200;

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

function reportSteps(run: TrainingRun): void {
  const { stepsPerEpoch, request, recipe, emit } = run;
  const { current, step, epochs, memory } = run.progress;
  const secondsPerStep = current.seconds / current.steps;
  emit({
    kind: 'step',
    epoch: epochs.length + 1,
    step: current.steps,
    stepsPerEpoch,
    metrics: meansOf(current, recipe.batchSize),
    etaMs: (stepsPerEpoch * request.train.epochs - step) * secondsPerStep * 1000,
    memoryBytes: process.memoryUsage.rss(),
    microbatchSize: memory.microbatchSize,
  });
}

/** Ends the epoch: its metrics go into the history and a checkpoint. False when asked to stop before. */
async function evaluateEpoch(run: TrainingRun): Promise<boolean> {
  const { monitor } = run.request.train;
  const { metrics, weights } = await evaluateRun(run);
  if (!metrics) return false;
  const { current, step, epochs } = run.progress;
  const record: EpochRecord = {
    epoch: epochs.length + 1,
    step,
    ...meansOf(current, run.recipe.batchSize),
    skippedSteps: current.steps - current.applied,
    trainSeconds: current.seconds,
    ...metrics,
  };
  advanceRun(run, { type: 'epoch', record });
  const isBest = bestEpoch(run.progress.epochs, monitor) === record;
  await run.history.epoch(record);
  run.emit({ kind: 'epoch', epoch: record.epoch, metrics: { ...record }, best: isBest });
  if (isBest) run.best = weights ?? (await run.session.exportState()).parameters;
  const hasOutputs = Number.isFinite(record.valLoss);
  if (!hasOutputs)
    await recordEvent(run, {
      event: 'outputs-not-finite',
      detail: `epoch ${record.epoch} cannot be the best`,
    });
  await growMicrobatch(run);
  // Weights that give no numbers are nothing to go back to.
  await save(run, { scheduled: hasOutputs });
  return true;
}

/** The error of a run none of whose epochs can be the best. */
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
