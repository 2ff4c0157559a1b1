import { z } from 'zod';
import { type Context, withStep } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { checked } from '../../base/schema/checked.js';
import type { OptimizerSpec } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { openTrialSubject, startTrial, type TrialOptions, type TrialSubject } from './trial.js';

const limitsSchema = z.object({
  max: z.int().min(1).default(1024),
  maxStepSeconds: z.number().positive().default(20),
});
type Limits = z.output<typeof limitsSchema>;

export interface FindBatchSizeOptions extends TrialOptions {
  /** Largest size to try; default 1024, and never more than there are samples. */
  readonly max?: number | undefined;
  /** The test ends at the first size whose step takes longer; default 20. */
  readonly maxStepSeconds?: number | undefined;
}

export interface BatchSizeTest {
  readonly points: readonly BatchSizePoint[];
  /** Why no larger size was measured. */
  readonly ended: 'largest-size' | 'out-of-memory' | 'too-slow';
  /** The batch size that the learning rate of the options belongs to. */
  readonly configured: number;
  readonly suggestion: BatchSizeSuggestion;
}

export interface BatchSizePoint {
  readonly batchSize: number;
  /** Median over the measured steps. */
  readonly stepMs: number;
  readonly imagesPerSecond: number;
}

export interface BatchSizeSuggestion {
  readonly batchSize: number;
  /** By this the configured learning rate may be multiplied, since the configured batch size was another one. */
  readonly learningRateFactor: number;
  /** For people. */
  readonly reason: string;
  readonly learningRateReason: string;
}

/**
 * Measures the throughput of training at batch sizes of 16, 32, 64 and so on, with real batches, and finds the knee:
 * the smallest size that is nearly as fast as the fastest. `train.microbatchSize` is not used: a size fits into the
 * memory as a whole, or the test ends there.
 *
 * @throws {RobleError} `ROBLE_USAGE` for limits that are none, `ROBLE_OUT_OF_MEMORY` when even the smallest size does
 * not fit, and what a run throws before its first step
 * @example
 * const { suggestion } = await findBatchSize({ dataset: 'data/letters', max: 512 }, { registry });
 * suggestion.batchSize; // 128
 */
export async function findBatchSize(
  options: FindBatchSizeOptions,
  context: Context & { registry: PluginRegistry },
): Promise<BatchSizeTest> {
  const limits = checked(limitsSchema, options, 'ROBLE_USAGE', 'The limits of the test are not valid.');
  const subject = await openTrialSubject(options, context.registry);
  const { configuredBatchSize: configured, train } = subject;
  const { points, ended } = await withStep(context, 'batch-size', 'Measuring batch sizes', () =>
    measureSizes(subject, limits, context),
  );
  return {
    points,
    ended,
    configured,
    suggestion: suggestBatchSize(points, configured, train.optimizer.type),
  };
}

async function measureSizes(
  subject: TrialSubject,
  limits: Limits,
  context: Context & { registry: PluginRegistry },
): Promise<Pick<BatchSizeTest, 'points' | 'ended'>> {
  const sizes = sizesUpTo(Math.min(limits.max, subject.training.count));
  const points: BatchSizePoint[] = [];
  for (const batchSize of sizes) {
    const stepMs = await measure(subject, batchSize, limits.maxStepSeconds * 1000, context).catch((error) => {
      const isTooLarge = error instanceof RobleError && error.code === 'ROBLE_OUT_OF_MEMORY';
      if (isTooLarge && points.length > 0) return undefined;
      throw error;
    });
    if (stepMs === undefined) return { points, ended: 'out-of-memory' };
    points.push({ batchSize, stepMs, imagesPerSecond: (batchSize / stepMs) * 1000 });
    context.reporter?.report({
      type: 'progress',
      id: 'batch-size',
      done: points.length,
      total: sizes.length,
      unit: 'sizes',
    });
    if (stepMs > limits.maxStepSeconds * 1000) return { points, ended: 'too-slow' };
  }
  return { points, ended: 'largest-size' };
}

/** The smallest size that is measured. */
const SMALLEST = 16;

/** 16 and its doubles; a limit below 16 is the only size. */
function sizesUpTo(largest: number): number[] {
  const sizes = [Math.min(SMALLEST, largest)];
  while (sizes.at(-1)! * 2 <= largest) sizes.push(sizes.at(-1)! * 2);
  return sizes;
}

/** Steps whose median is taken, after one that is not counted. */
const MEASURED_STEPS = 5;

/**
 * The median time of a step in milliseconds, the wait for its batch included. The first step is not counted, since the
 * engine allocates its memory in it, unless it alone takes longer than `maxStepMs`.
 */
async function measure(
  subject: TrialSubject,
  batchSize: number,
  maxStepMs: number,
  { registry, signal }: Context & { registry: PluginRegistry },
): Promise<number> {
  const train = { ...subject.train, batchSize, microbatchSize: 0 };
  const trial = await startTrial({ ...subject, train }, registry);
  const timed = async () => {
    signal?.throwIfAborted();
    const started = performance.now();
    await trial.step(subject.train.learningRate);
    return performance.now() - started;
  };
  try {
    const first = await timed();
    if (first > maxStepMs) return first;
    const times: number[] = [];
    for (let i = 0; i < MEASURED_STEPS; i++) times.push(await timed());
    return times.sort((a, b) => a - b)[MEASURED_STEPS >> 1]!;
  } finally {
    await trial.close();
  }
}

/** Share of the best throughput that is enough: what is left would cost more memory and fewer updates in an epoch. */
const ENOUGH = 0.9;

/**
 * The smallest of the measured sizes that is nearly as fast as the fastest one, and what it means for the learning
 * rate that was chosen for another size.
 *
 * @param configured the batch size that the configured learning rate belongs to
 */
export function suggestBatchSize(
  points: readonly BatchSizePoint[],
  configured: number,
  optimizer: OptimizerSpec['type'],
): BatchSizeSuggestion {
  const best = points.reduce((a, b) => (b.imagesPerSecond > a.imagesPerSecond ? b : a));
  const knee = points.find(({ imagesPerSecond }) => imagesPerSecond >= ENOUGH * best.imagesPerSecond)!;
  const share = Math.round((100 * knee.imagesPerSecond) / best.imagesPerSecond);
  return {
    batchSize: knee.batchSize,
    reason:
      knee === best
        ? 'It is the fastest, and no smaller size reaches 90 % of its throughput.'
        : `It is the smallest size with at least 90 % of the best throughput: ${share} % of that of ${best.batchSize}.`,
    ...learningRateScaling(knee.batchSize / configured, optimizer),
  };
}

function learningRateScaling(
  ratio: number,
  optimizer: OptimizerSpec['type'],
): Pick<BatchSizeSuggestion, 'learningRateFactor' | 'learningRateReason'> {
  if (optimizer === 'sgd')
    return {
      learningRateFactor: ratio,
      learningRateReason: 'SGD: in proportion to the batch size (Goyal et al. 2017).',
    };
  return {
    learningRateFactor: Math.sqrt(ratio),
    learningRateReason: 'AdamW: by the square root of the ratio of the batch sizes (Malladi et al. 2022).',
  };
}
