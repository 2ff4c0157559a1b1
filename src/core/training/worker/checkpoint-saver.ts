import { RobleError } from '../../errors.js';
import type { TensorMap } from '../../plugin/api.js';
import type { Checkpoint } from '../checkpoints/checkpoint.js';
import { newestOf, type PassedOver } from '../checkpoints/checkpoint-store.js';
import { type CheckpointFolders, CheckpointWriter, storesOf } from '../checkpoints/checkpoint-writer.js';
import { isHealthy } from '../policies/health.js';
import { recordEvent, type TrainingRun } from './training-run.js';

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
    const written = this.#writer.save({ state: await run.session.exportState(), progress });
    this.#lastSaved = performance.now();
    const stallMs = this.#lastSaved - started;
    const epoch = progress.epochs.length + (progress.current.steps > 0 ? 1 : 0);
    void written.then(async ({ path, problems }) => {
      if (problems.length > 0)
        await recordEvent(run, {
          event: 'checkpoint-failed',
          step: progress.step,
          detail: `${problems.join('; ')}${path ? `; saved as ${path} instead` : ''}`,
        });
      if (path) run.emit({ kind: 'checkpoint', epoch, step: progress.step, file: path, stallMs });
    });
  }

  /** Keeps these weights as the best; an older best one is replaced. */
  async saveBest(run: TrainingRun, parameters: TensorMap): Promise<void> {
    const { step } = run.progress;
    const state = { step, parameters, optimizer: {}, plan: null };
    const { problems } = await this.#writer.save({ state, progress: run.progress }, true);
    if (problems.length > 0)
      await recordEvent(run, {
        event: 'checkpoint-failed',
        detail: `the best weights: ${problems.join('; ')}`,
      });
  }

  /** The newest checkpoint before a step that a roll-back may go to; undefined where there is none. */
  async newestAnchor(run: TrainingRun, before: number): Promise<Checkpoint | undefined> {
    await this.#writer.idle();
    const passedOver: PassedOver[] = [];
    const found = await newestOf(storesOf(this.#folders), {
      accept: ({ progress }) => progress.anchor && progress.step < before,
      onPassedOver: (file) => passedOver.push(file),
    });
    for (const { reason } of passedOver)
      await recordEvent(run, { event: 'checkpoint-passed-over', detail: reason });
    return found?.checkpoint;
  }

  /** The weights of the best epoch; undefined where they were lost, which is recorded. */
  async bestWeights(run: TrainingRun, epoch: number): Promise<TensorMap | undefined> {
    await this.#writer.idle();
    const problems: string[] = [];
    for (const store of storesOf(this.#folders))
      try {
        const best = await store.readBest();
        if (best.progress.epochs.at(-1)?.epoch === epoch) return best.state.parameters;
      } catch (error) {
        problems.push(RobleError.from(error).message);
      }
    const detail = `the weights of epoch ${epoch} were lost: ${problems.join('; ')}`;
    await recordEvent(run, { event: 'checkpoint-passed-over', detail });
    return undefined;
  }

  /** When everything is on the disk. */
  idle(): Promise<void> {
    return this.#writer.idle();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
