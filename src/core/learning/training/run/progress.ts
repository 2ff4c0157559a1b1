import type { MaskSource } from '../../../model/random-tensors.js';
import type { StepMetrics } from '../../../plugin/contracts.js';
import type { EpochRecord } from '../../history/record.js';
import { afterEpoch, type HealthState, INITIAL_HEALTH } from '../policies/health.js';
import type { MemoryState } from '../policies/memory.js';

/**
 * How far a run is, and all that the trainer remembers besides the engine's state: from both together, the rest of the
 * run follows, bit for bit. Plain data that goes into checkpoints; numbers survive JSON exactly.
 */
export interface RunProgress {
  /** Id of the run, so that no other run goes on from its checkpoints. */
  readonly run: string;
  /** Of the data that the run is trained and judged on. */
  readonly dataFingerprint: string;
  /** Where the engine's plan was made; anywhere else it makes another one. */
  readonly madeOn: { readonly engine: string; readonly device: string; readonly threads: number };
  /** Absent: `words`, as all runs had it before there was a choice. */
  readonly masks?: MaskSource;
  /** What cross-validation chose, in place of the one of the settings. */
  readonly weightDecay?: number;
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

const NO_STEPS: EpochTotals = {
  steps: 0,
  applied: 0,
  loss: 0,
  accuracy: 0,
  gradientNorm: 0,
  learningRate: 0,
  seconds: 0,
};

/** Before the first step. */
export function initialProgress(
  about: Pick<RunProgress, 'run' | 'dataFingerprint' | 'madeOn' | 'memory' | 'weightDecay'>,
): RunProgress {
  return {
    ...about,
    masks: 'cipher',
    step: 0,
    epochs: [],
    current: NO_STEPS,
    health: INITIAL_HEALTH,
    healthAtEpochStart: INITIAL_HEALTH,
  };
}

/** What moves a run on. */
export type ProgressUpdate =
  /** A batch went through the engine, whether its update was applied or not. */
  | {
      readonly type: 'step';
      readonly metrics: StepMetrics;
      readonly learningRate: number;
      readonly seconds: number;
      /** After the step, and after what was done about a bad one. */
      readonly health: HealthState;
    }
  /** The epoch was evaluated and is complete. */
  | { readonly type: 'epoch'; readonly record: EpochRecord }
  /** More or fewer samples are in memory at once from now on. */
  | { readonly type: 'memory'; readonly memory: MemoryState };

/** The progress after an update. */
export function advance(progress: RunProgress, update: ProgressUpdate): RunProgress {
  switch (update.type) {
    case 'step': {
      const current = withStep(progress.current, update);
      return { ...progress, step: progress.step + 1, current, health: update.health };
    }
    case 'epoch': {
      const health = afterEpoch(progress.health, progress.healthAtEpochStart);
      const epochs = [...progress.epochs, update.record];
      return { ...progress, epochs, current: NO_STEPS, health, healthAtEpochStart: health };
    }
    case 'memory':
      return { ...progress, memory: update.memory };
  }
}

function withStep(
  totals: EpochTotals,
  { metrics, learningRate, seconds }: Extract<ProgressUpdate, { type: 'step' }>,
): EpochTotals {
  const counted = { ...totals, steps: totals.steps + 1, learningRate, seconds: totals.seconds + seconds };
  if (!metrics.applied) return counted;
  return {
    ...counted,
    applied: totals.applied + 1,
    loss: totals.loss + metrics.loss,
    accuracy: totals.accuracy + metrics.accuracy,
    gradientNorm: totals.gradientNorm + metrics.gradientNorm,
  };
}

/** The training metrics of an epoch so far. */
export function meansOf({ applied, steps, ...sums }: EpochTotals, batchSize: number) {
  return {
    loss: sums.loss / applied,
    accuracy: sums.accuracy / applied,
    gradientNorm: sums.gradientNorm / applied,
    learningRate: sums.learningRate,
    imagesPerSecond: (steps * batchSize) / sums.seconds,
  };
}

/** The epoch that is being trained or evaluated, from 1; at the end of an epoch that one. */
export function epochInWork({ epochs, current }: RunProgress): number {
  return epochs.length + (current.steps > 0 ? 1 : 0);
}
