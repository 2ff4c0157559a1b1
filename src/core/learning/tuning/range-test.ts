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

/** What a step weighs in a mean, against the next one: a memory of ten steps, half a decade of a hundred from 1e-6 to 1. */
const MEMORY = 0.9;
/** A running mean of the loss that is so many times its minimum will not come back. */
const DIVERGED = 4;
/** Share of the first loss by which the loss must fall, or nothing can be said. */
const SMALLEST_FALL = 0.05;

/** The learning rate of a step: the same factor lies between all neighbours. */
export function rateAt(step: number, steps: number, fromRate: number, toRate: number): number {
  return fromRate * (toRate / fromRate) ** (step / (steps - 1));
}

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
