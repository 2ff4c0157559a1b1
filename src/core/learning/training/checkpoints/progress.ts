import type { EpochRecord } from '../../history/record.js';
import type { HealthState } from '../policies/health.js';
import type { MemoryState } from '../policies/memory.js';

/**
 * Where in the run a state was taken, and all that the trainer remembers besides the engine's state: from it and the
 * engine's state, the rest of the run follows, bit for bit. Plain data; numbers survive JSON exactly.
 */
export interface CheckpointProgress {
  /** Id of the run, so that no other run goes on from it. */
  readonly run: string;
  /** Of the data set that the run is trained on. */
  readonly dataFingerprint: string;
  /** Batches taken from the data since the start of the run. */
  readonly step: number;
  /** Epochs that are complete, evaluation included. */
  readonly epochs: readonly EpochRecord[];
  /** The epoch that is not. */
  readonly current: EpochTotals;
  readonly health: HealthState;
  /** As it was when the epochs before the current one were complete. */
  readonly healthAtEpochStart: HealthState;
  readonly memory: MemoryState;
  /** On what the engine's plan was made; on anything else it makes another. */
  readonly madeOn: { readonly engine: string; readonly device: string; readonly threads: number };
  /** Whether a roll-back may go to it: taken after a good step, and at one that depends on the settings, not on the clock. */
  readonly anchor: boolean;
}

/** Sums over the steps of an epoch so far. */
export interface EpochTotals {
  /** Batches taken from the data. */
  readonly steps: number;
  /** Steps whose update was applied, over which the other sums run. */
  readonly applied: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly gradientNorm: number;
  /** Of the last step. */
  readonly learningRate: number;
  readonly seconds: number;
}

export const NO_STEPS: EpochTotals = {
  steps: 0,
  applied: 0,
  loss: 0,
  accuracy: 0,
  gradientNorm: 0,
  learningRate: 0,
  seconds: 0,
};
