import type { StepHyperparameters, StepMetrics } from '../../../plugin/contracts.js';
import type { TrainOptions } from '../../settings.js';

/** What is remembered of the steps so far; plain data that goes into checkpoints. */
export interface HealthState {
  /** Applied steps that the means were taken over. */
  readonly seen: number;
  readonly loss: Level;
  readonly gradientNorm: Level;
  /** Bad steps since the last applied one. */
  readonly skippedInRow: number;
  /** Roll-backs since the last epoch without any. */
  readonly rollbacks: number;
  /** Step of the state that the last roll-back went to, while no good step has shown that it is a good one. */
  readonly unprovenAnchor?: number;
  /** What is left of the configured learning rate after the cuts. */
  readonly learningRateFactor: number;
}

interface Level {
  /** Mean of the first steps: what the numbers were before anything was learnt. */
  readonly reference: number;
  /** Mean with exponential weights. */
  readonly mean: number;
}

/** What to do about a step, from the mildest to the hardest. */
export type HealthVerdict = 'good' | 'skipped' | 'roll-back' | 'roll-back-and-cut' | 'give-up';

/** Steps before spikes are looked for. */
const REFERENCE_STEPS = 20;
/** Share of the old mean that a step keeps: a memory of about fifty steps. */
const MEMORY = 0.98;

export const INITIAL_HEALTH: HealthState = {
  seen: 0,
  loss: { reference: 0, mean: 0 },
  gradientNorm: { reference: 0, mean: 0 },
  skippedInRow: 0,
  rollbacks: 0,
  learningRateFactor: 1,
};

/**
 * Beyond what a step is bad. A spike is measured against the running mean or against the first steps, whichever is
 * larger: late in training the mean is so small that an honest hard batch exceeds it many times over.
 */
export function stepLimits(
  state: HealthState,
  options: TrainOptions['health'],
): NonNullable<StepHyperparameters['limits']> {
  const limit = ({ reference, mean }: Level, factor: number) =>
    factor === 0 || state.seen < REFERENCE_STEPS
      ? Number.POSITIVE_INFINITY
      : factor * Math.max(reference, mean);
  return {
    loss: limit(state.loss, options.lossSpikeFactor),
    gradientNorm: limit(state.gradientNorm, options.gradientSpikeFactor),
  };
}

/**
 * Judges a step. Bad steps are skipped one by one, as Ultralytics and PaLM (Chowdhery et al. 2022, section 5.1) do with
 * whole stretches; too many in a row mean that the weights themselves are bad, so that the run goes back to its newest
 * good state and leaves out the batches in between; where that does not help either, the learning rate is cut.
 */
export function judgeStep(
  state: HealthState,
  metrics: StepMetrics,
  options: TrainOptions['health'],
): { readonly state: HealthState; readonly verdict: HealthVerdict } {
  if (metrics.applied) {
    const { unprovenAnchor: _, ...proven } = state;
    return {
      verdict: 'good',
      state: {
        ...proven,
        seen: state.seen + 1,
        loss: advance(state.loss, metrics.loss, state.seen),
        gradientNorm: advance(state.gradientNorm, metrics.gradientNorm, state.seen),
        skippedInRow: 0,
      },
    };
  }
  if (state.skippedInRow < options.maxSkippedSteps)
    return { verdict: 'skipped', state: { ...state, skippedInRow: state.skippedInRow + 1 } };
  if (state.rollbacks >= options.maxRollbacks) return { verdict: 'give-up', state };
  const rolledBack = { ...state, skippedInRow: 0, rollbacks: state.rollbacks + 1 };
  if (state.rollbacks === 0) return { verdict: 'roll-back', state: rolledBack };
  const learningRateFactor = state.learningRateFactor * options.learningRateCut;
  return { verdict: 'roll-back-and-cut', state: { ...rolledBack, learningRateFactor } };
}

/** Whether the newest step was good, so that the weights of now may be worth going back to. */
export function isHealthy(state: HealthState): boolean {
  return state.skippedInRow === 0 && state.unprovenAnchor === undefined;
}

/** An epoch without a roll-back pays off the earlier ones; a cut of the learning rate stays. */
export function afterEpoch(state: HealthState, before: HealthState): HealthState {
  return state.rollbacks === before.rollbacks ? { ...state, rollbacks: 0 } : state;
}

function advance({ reference, mean }: Level, value: number, seen: number): Level {
  const isReference = seen < REFERENCE_STEPS;
  return {
    reference: isReference ? reference + (value - reference) / (seen + 1) : reference,
    mean: isReference ? mean + (value - mean) / (seen + 1) : MEMORY * mean + (1 - MEMORY) * value,
  };
}
