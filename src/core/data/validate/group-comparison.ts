/** Values of one kind of samples in the classes that they share with another kind: for each class, ascending. */
export interface ClassValues {
  readonly first: readonly Float32Array[];
  readonly second: readonly Float32Array[];
}

/**
 * How well one number tells two kinds of samples apart within their classes: the chance that a sample of the first kind
 * has a larger value than one of the second kind of the same class, equal values counting half. 0.5: not at all; 0 or 1:
 * without a mistake. It is the U of H. Mann and D. Whitney (1947), added over the classes, by the number of pairs.
 *
 * @returns undefined when no class has both
 */
export function separation({ first, second }: ClassValues): number | undefined {
  let [wins, pairs] = [0, 0];
  for (const [i, values] of first.entries()) {
    wins += winsOf(values, second[i]!);
    pairs += values.length * second[i]!.length;
  }
  return pairs > 0 ? wins / pairs : undefined;
}

/** Pairs in which the value of `a` is larger; equal ones count half. Both ascend. */
function winsOf(a: Float32Array, b: Float32Array): number {
  let [wins, below, upTo] = [0, 0, 0];
  for (const value of a) {
    while (below < b.length && b[below]! < value) below++;
    while (upTo < b.length && b[upTo]! <= value) upTo++;
    wins += (below + upTo) / 2;
  }
  return wins;
}

export interface Difference {
  /** The largest distance of the two distribution functions: 0 equal, 1 without overlap. */
  readonly distance: number;
  /** The chance of a distance this large if there were no difference. */
  readonly pValue: number;
  readonly medians: readonly [first: number, second: number];
}

/** A value beside its weight, in one pass over both kinds. */
interface Weighed {
  readonly value: number;
  readonly first: number;
  readonly second: number;
}

/**
 * The test of Kolmogorov and Smirnov (N. Smirnov 1939) for two kinds of samples whose classes differ in number: samples
 * of the first kind are weighted to the classes of the second, so that only what differs within classes counts. The
 * chance is by the limit with the correction of M. Stephens (1970), at the effective number of weighted samples (L.
 * Kish 1965).
 *
 * @returns undefined when no class has both
 */
export function differenceOf({ first, second }: ClassValues): Difference | undefined {
  const weights = first.map((values, i) => (values.length > 0 ? second[i]!.length / values.length : 0));
  const shared = second.map((values, i) => (first[i]!.length > 0 ? values : new Float32Array()));
  const total = shared.reduce((sum, { length }) => sum + length, 0);
  if (total === 0) return undefined;
  const weighed = [
    ...first.flatMap((values, i) =>
      Array.from(values, (value): Weighed => ({ value, first: weights[i]! / total, second: 0 })),
    ),
    ...shared.flatMap((values) =>
      Array.from(values, (value): Weighed => ({ value, first: 0, second: 1 / total })),
    ),
  ].sort((a, b) => a.value - b.value);
  const squares = first.reduce((sum, { length }, i) => sum + length * weights[i]! ** 2, 0);
  const effective = total ** 2 / squares;
  const { distance, medians } = compareDistributions(weighed);
  return { distance, medians, pValue: kolmogorovTail(distance, (effective * total) / (effective + total)) };
}

function compareDistributions(weighed: readonly Weighed[]): Omit<Difference, 'pValue'> {
  const medians: [number, number] = [Number.NaN, Number.NaN];
  let [first, second, distance] = [0, 0, 0];
  for (const [i, item] of weighed.entries()) {
    first += item.first;
    second += item.second;
    if (Number.isNaN(medians[0]) && first >= 0.5 - ROUNDING) medians[0] = item.value;
    if (Number.isNaN(medians[1]) && second >= 0.5 - ROUNDING) medians[1] = item.value;
    // Between equal values the functions are not defined.
    if (weighed[i + 1]?.value !== item.value) distance = Math.max(distance, Math.abs(first - second));
  }
  return { distance, medians };
}

/** Sums of many weights are not exact. */
const ROUNDING = 1e-9;

/** The chance of a distance at least this large between samples of one distribution. */
function kolmogorovTail(distance: number, effective: number): number {
  const root = Math.sqrt(effective);
  const lambda = (root + 0.12 + 0.11 / root) * distance;
  // The series converges slowly where the chance is 1 but for 1e-10.
  if (lambda < 0.25) return 1;
  let tail = 0;
  for (let k = 1; k <= 20; k++) tail += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * (k * lambda) ** 2);
  return Math.min(1, Math.max(0, tail));
}
