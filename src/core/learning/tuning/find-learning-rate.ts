import { z } from 'zod';
import { type Context, withStep } from '../../base/context.js';
import { checked } from '../../base/schema/checked.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { openTrialSubject, startTrial, type Trial, type TrialOptions } from './trial.js';

const rangeSchema = z
  .object({
    fromRate: z.number().positive().default(1e-6),
    toRate: z.number().positive().default(1),
    steps: z.int().min(10).max(10_000).default(100),
  })
  .refine(({ fromRate, toRate }) => fromRate < toRate, {
    path: ['toRate'],
    message: 'expected a number larger than fromRate',
  });
type Range = z.output<typeof rangeSchema>;

export interface FindLearningRateOptions extends TrialOptions {
  /** Learning rate of the first step; default 1e-6. */
  readonly fromRate?: number | undefined;
  /** Learning rate of the last step, if it comes to that; default 1. */
  readonly toRate?: number | undefined;
  /** From the first rate to the last one; default 100. */
  readonly steps?: number | undefined;
}

export interface LearningRateTest {
  readonly points: readonly LearningRatePoint[];
  /** Why the test ended: the last rate was reached, the loss rose too far, or the numbers were not finite any more. */
  readonly ended: 'last-rate' | 'diverged' | 'not-finite';
  /** Undefined when the loss hardly fell. */
  readonly suggestion?: LearningRateSuggestion;
}

/** A step of a learning rate range test. */
export interface LearningRateStep {
  readonly learningRate: number;
  readonly loss: number;
}

export interface LearningRatePoint extends LearningRateStep {
  readonly smoothedLoss: number;
}

/** Two rules that are common, and the more careful of both. */
export interface LearningRateSuggestion {
  /** The smaller of `steepest` and a tenth of `minimum`: the largest rate for a schedule. */
  readonly learningRate: number;
  /** Where the smoothed loss falls fastest, before its minimum. */
  readonly steepest: number;
  /** Where the smoothed loss is lowest. */
  readonly minimum: number;
  /** For people. */
  readonly reason: string;
}

/**
 * The learning rate range test of Smith 2017 ("Cyclical learning rates for training neural networks", section 3.3):
 * trains for a few steps, each with a rate that is larger by the same factor than the one before, and looks at the
 * loss. The schedule of the options is not used, everything else is; the weights are thrown away.
 *
 * @throws {RobleError} `ROBLE_USAGE` for a range that is none, and what a run throws before its first step
 * @example
 * const { suggestion } = await findLearningRate({ dataset: 'data/letters' }, { registry });
 * suggestion?.learningRate; // 0.0023
 */
export async function findLearningRate(
  options: FindLearningRateOptions,
  context: Context & { registry: PluginRegistry },
): Promise<LearningRateTest> {
  const range = checked(rangeSchema, options, 'ROBLE_USAGE', 'The range of learning rates is not valid.');
  const subject = await openTrialSubject(options, context.registry);
  const trial = await startTrial(subject, context.registry);
  try {
    const { steps, ended } = await withStep(context, 'find-lr', 'Trying learning rates', () =>
      runRangeTest(trial, range, context),
    );
    const points = smoothed(steps);
    const suggestion = suggestLearningRate(points);
    return { points, ended, ...(suggestion && { suggestion }) };
  } finally {
    await trial.close();
  }
}

async function runRangeTest(
  trial: Trial,
  { fromRate, toRate, steps: total }: Range,
  { signal, reporter }: Context,
): Promise<{ steps: LearningRateStep[]; ended: LearningRateTest['ended'] }> {
  const steps: LearningRateStep[] = [];
  while (steps.length < total) {
    signal?.throwIfAborted();
    const learningRate = rateAt(steps.length, total, fromRate, toRate);
    const { loss, applied } = await trial.step(learningRate);
    if (!applied) return { steps, ended: 'not-finite' };
    steps.push({ learningRate, loss });
    if (hasDiverged(steps.map((step) => step.loss))) return { steps, ended: 'diverged' };
    reporter?.report({ type: 'progress', id: 'find-lr', done: steps.length, total, unit: 'steps' });
  }
  return { steps, ended: 'last-rate' };
}

/** The learning rate of a step: the same factor lies between all neighbours. */
export function rateAt(step: number, steps: number, fromRate: number, toRate: number): number {
  return fromRate * (toRate / fromRate) ** (step / (steps - 1));
}

/** A running mean of the loss that is this many times its minimum will not come back. */
const DIVERGED = 4;

/** Whether the running mean of the loss is so far above its minimum that larger rates need not be tried. */
export function hasDiverged(losses: readonly number[]): boolean {
  const sums = runningSums(losses);
  const weights = runningSums(losses.map(() => 1));
  const means = sums.map((sum, i) => sum / weights[i]!);
  return means.at(-1)! > DIVERGED * means[indexOfLeast(means)]!;
}

/**
 * The steps with their smoothed loss: a mean over the steps on both sides, which weigh the less the farther they are. A
 * running mean over the past alone would show every turn of the curve at too large a rate.
 */
export function smoothed(steps: readonly LearningRateStep[]): LearningRatePoint[] {
  const sums = sumsAround(steps.map(({ loss }) => loss));
  const weights = sumsAround(steps.map(() => 1));
  return steps.map((step, i) => ({ ...step, smoothedLoss: sums[i]! / weights[i]! }));
}

/** Share of the first loss by which the loss must fall, or nothing can be said. */
const SMALLEST_FALL = 0.05;

/** A good largest rate for a schedule; undefined when the loss hardly fell. */
export function suggestLearningRate(
  points: readonly LearningRatePoint[],
): LearningRateSuggestion | undefined {
  const losses = points.map(({ smoothedLoss }) => smoothedLoss);
  const lowest = indexOfLeast(losses);
  const slopes = losses.slice(2, lowest + 1).map((loss, i) => loss - losses[i]!);
  if (slopes.length === 0 || losses[0]! - losses[lowest]! < SMALLEST_FALL * losses[0]!) return undefined;
  const steepest = points[1 + indexOfLeast(slopes)]!.learningRate;
  const minimum = points[lowest]!.learningRate;
  const isSteepest = steepest < minimum / 10;
  return {
    learningRate: isSteepest ? steepest : minimum / 10,
    steepest,
    minimum,
    reason: isSteepest
      ? `The loss falls fastest there, well before its minimum at ${minimum.toPrecision(2)}.`
      : `A tenth of the rate where the loss is lowest, ${minimum.toPrecision(2)}, and more careful than the one where it falls fastest, ${steepest.toPrecision(2)}.`,
  };
}

/** What a step weighs in a mean, against the next one: a memory of ten steps, half a decade of a hundred from 1e-6 to 1. */
const MEMORY = 0.9;

/** Of each value and all before it, each weighing `MEMORY` times what the one after it does. */
function runningSums(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => {
    sum = MEMORY * sum + value;
    return sum;
  });
}

/** The same with the values that come after. */
function sumsAround(values: readonly number[]): number[] {
  const before = runningSums(values);
  const after = runningSums(values.toReversed()).reverse();
  return values.map((value, i) => before[i]! + after[i]! - value);
}

function indexOfLeast(values: readonly number[]): number {
  return values.reduce((least, value, i) => (value < values[least]! ? i : least), 0);
}
