import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { type ResultFingerprint, resultFingerprint } from '../../src/core/learning/training/verify.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { tinyDataset } from '../support/tiny-dataset.js';
import { type Fault, type Options, type OwnFault, trainHere } from './training.js';

/** 12 steps an epoch; evaluation in three batches; a checkpoint every 5 steps. */
const TRAIN = {
  engine: 'faulty',
  epochs: 3,
  batchSize: 16,
  evaluationBatchSize: 16,
  threads: 1,
  learningRate: 0.01,
  checkpointEverySteps: 5,
  emaDecay: 0.9,
  retry: { backoffSeconds: 0 },
};

/** One after another: a step of the second epoch, the second batch of the evaluation after it, and a save. */
const PHASES = {
  training: { on: 'step', at: 17 },
  evaluation: { on: 'evaluate', at: 2 },
  saving: { on: 'save', at: 20 },
} as const satisfies Record<string, Omit<Fault, 'do'>>;

export type Phase = keyof typeof PHASES;
export const phases = Object.keys(PHASES) as Phase[];

/** What the tests of a file share: a folder, a data set, and the result of the run that nothing happened to. */
export class FaultBench {
  root!: string;
  clean!: ResultFingerprint;
  #dataset!: string;
  #count = 0;

  constructor(name: string) {
    let remove: () => Promise<void>;
    beforeAll(async () => {
      ({ path: this.root, remove } = await temporaryFolder(name));
      this.#dataset = await tinyDataset(join(this.root, 'dataset'));
      this.clean = await this.undisturbed();
    });
    afterAll(() => remove());
  }

  path(name: string): string {
    return join(this.root, `${name}-${this.#count++}`);
  }

  optionsOf(train: Record<string, unknown> = {}, run = this.path('run')): Options & { readonly run: string } {
    return {
      dataset: this.#dataset,
      run,
      model: { preset: 'cnn-small' },
      train: { ...TRAIN, ...train },
    };
  }

  /** A fault that happens once, whatever is started later. */
  once<Do extends string>(fault: Omit<Fault<Do>, 'marker'>): Fault<Do> & { readonly marker: string } {
    return { ...fault, marker: this.path('marker') };
  }

  /** Faults that happen once each, each after the one before. */
  inTurn<Do extends string>(faults: readonly Omit<Fault<Do>, 'marker' | 'after'>[]): Fault<Do>[] {
    const inTurn: (Fault<Do> & { readonly marker: string })[] = [];
    for (const fault of faults) {
      const before = inTurn.at(-1);
      inTurn.push(this.once({ ...fault, ...(before && { after: before.marker }) }));
    }
    return inTurn;
  }

  /** Where a fault of a phase strikes in a run. */
  faultIn<Do extends string>(phase: Phase, run: string, what: Do): Fault<Do> {
    return { ...PHASES[phase], do: what, folder: join(run, 'checkpoints') };
  }

  /** The result of a run with these settings that nothing happened to but what it does to itself every time. */
  async undisturbed(train: Record<string, unknown> = {}, faults: readonly Fault<OwnFault>[] = []) {
    const options = this.optionsOf(train);
    expect((await trainHere(options, faults)).stopped).toBe('completed');
    return resultFingerprint(options.run);
  }
}
