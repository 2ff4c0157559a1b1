import { z } from 'zod';
import { checked } from '../../base/schema/checked.js';
import { type Context, withStep } from '../../base/context.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import {
  hasDiverged,
  type LearningRatePoint,
  type LearningRateStep,
  type LearningRateSuggestion,
  rateAt,
  smoothed,
  suggestLearningRate,
} from './range-test.js';
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
  const subject = await openTrialSubject(options);
  const { batchSize, microbatchSize } = subject.train;
  const sizes = { batchSize: Math.min(batchSize, subject.training.count), microbatchSize };
  const trial = await startTrial(subject, sizes, context.registry);
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
