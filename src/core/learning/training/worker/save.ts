import type { Checkpoint } from '../checkpoints/checkpoint.js';
import { foldersOf, newestOf, storesOf } from '../checkpoints/store.js';
import { isHealthy } from '../policies/health.js';
import { epochInWork } from '../run/progress.js';
import { recordEvent, type TrainingRun } from './training-run.js';

/** Saves where the settings ask for a checkpoint within an epoch: at fixed numbers of steps, and when the last one is old. */
export async function saveWhenDue(run: TrainingRun): Promise<void> {
  const { checkpointEverySteps, checkpointEverySeconds } = run.request.train;
  const scheduled = checkpointEverySteps > 0 && run.progress.step % checkpointEverySteps === 0;
  const age = (performance.now() - run.savedAt) / 1000;
  const isLate = checkpointEverySeconds > 0 && age >= checkpointEverySeconds;
  if (scheduled || isLate) await save(run, { scheduled });
}

/**
 * Saves the state of a run while it goes on: training waits only for the copy, and for a save that is not over yet.
 *
 * @param scheduled the step depends on the settings, not on the clock or a signal, so that a roll-back may go to it
 */
export async function save(run: TrainingRun, { scheduled }: { readonly scheduled: boolean }): Promise<void> {
  const started = performance.now();
  await run.checkpoints.idle();
  const progress = { ...run.progress, anchor: scheduled && isHealthy(run.progress.health) };
  const written = run.checkpoints.save({ state: await run.session.exportState(), progress, best: run.best });
  run.savedAt = performance.now();
  const stallMs = run.savedAt - started;
  const { step } = progress;
  void written.then(async ({ path, problems }) => {
    if (problems.length > 0) {
      const detail = problems.join('; ') + (path ? `; saved as ${path} instead` : '');
      await recordEvent(run, { event: 'checkpoint-failed', step, detail });
    }
    if (path) run.emit({ kind: 'checkpoint', epoch: epochInWork(progress), step, file: path, stallMs });
  });
}

/** The newest checkpoint before a step that a roll-back may go to; undefined where there is none. */
export async function newestAnchor(run: TrainingRun, before: number): Promise<Checkpoint | undefined> {
  await run.checkpoints.idle();
  const { checkpoint, passedOver } = await newestOf(
    storesOf(foldersOf(run.request)),
    ({ progress }) => progress.run === run.request.id && progress.anchor && progress.step < before,
  );
  for (const { reason } of passedOver)
    await recordEvent(run, { event: 'checkpoint-passed-over', detail: reason });
  return checkpoint;
}
