import type { Checkpoint } from '../checkpoints/checkpoint.js';
import { type CheckpointFolders, newestOf, storesOf } from '../checkpoints/store.js';
import { CheckpointWriter } from '../checkpoints/writer.js';
import { isHealthy } from '../policies/health.js';
import { epochInWork, recordEvent, type TrainingRun } from './training-run.js';

/** Saves the state of a run while it goes on: training waits only for the copy, and for a save that is still on its way. */
export class CheckpointSaver {
  readonly #folders: CheckpointFolders;
  readonly #writer: CheckpointWriter;
  #lastSaved = performance.now();

  constructor(folders: CheckpointFolders) {
    this.#folders = folders;
    this.#writer = new CheckpointWriter(folders);
  }

  /** Seconds since the last checkpoint was asked for. */
  get age(): number {
    return (performance.now() - this.#lastSaved) / 1000;
  }

  /** `scheduled`: the step depends on the settings, not on the clock, so that a roll-back may go to it. */
  async save(run: TrainingRun, scheduled: boolean): Promise<void> {
    const started = performance.now();
    await this.#writer.idle();
    const progress = { ...run.progress, anchor: scheduled && isHealthy(run.progress.health) };
    const epoch = epochInWork(run);
    const written = this.#writer.save({ state: await run.session.exportState(), progress, best: run.best });
    this.#lastSaved = performance.now();
    const stallMs = this.#lastSaved - started;
    const { step } = progress;
    void written.then(async ({ path, problems }) => {
      if (problems.length > 0) {
        const detail = problems.join('; ') + (path ? `; saved as ${path} instead` : '');
        await recordEvent(run, { event: 'checkpoint-failed', step, detail });
      }
      if (path) run.emit({ kind: 'checkpoint', epoch, step, file: path, stallMs });
    });
  }

  /** The newest checkpoint before a step that a roll-back may go to; undefined where there is none. */
  async newestAnchor(run: TrainingRun, before: number): Promise<Checkpoint | undefined> {
    await this.#writer.idle();
    const { checkpoint, passedOver } = await newestOf(
      storesOf(this.#folders),
      ({ progress }) => progress.run === run.request.id && progress.anchor && progress.step < before,
    );
    for (const { reason } of passedOver)
      await recordEvent(run, { event: 'checkpoint-passed-over', detail: reason });
    return checkpoint;
  }

  /** When everything is on the disk. */
  idle(): Promise<void> {
    return this.#writer.idle();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
