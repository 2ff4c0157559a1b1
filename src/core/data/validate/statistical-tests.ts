/** Values of two kinds of samples in each class, in ascending order. */
export interface ClassValues {
  readonly first: readonly Float32Array[];
  readonly second: readonly Float32Array[];
}

/**
 * How well one number separates two kinds of samples within their classes: the probability that a sample of the first kind
 * has a larger value than one of the second kind of the same class; equal values count half. 0.5: not at all; 0 or 1:
 * perfectly. It is the U of H. Mann and D. Whitney (1947), summed over the classes, divided by the number of pairs.
 *
 * @returns undefined if no class has both kinds
 */
export function separation({ first, second }: ClassValues): number | undefined {
  let [wins, pairs] = [0, 0];
  for (const [i, values] of first.entries()) {
    wins += winsOf(values, second[i]!);
    pairs += values.length * second[i]!.length;
  }
  return pairs > 0 ? wins / pairs : undefined;
}

/** Pairs in which the value of `a` is larger; equal values count half. Both are in ascending order. */
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
  /** The probability of such a distance if there is no difference. */
  readonly pValue: number;
  readonly medians: readonly [first: number, second: number];
}

/** A value with its weight in each kind. */
interface Weighed {
  readonly value: number;
  readonly first: number;
  readonly second: number;
}

/**
 * The test of Kolmogorov and Smirnov (N. Smirnov 1939) for two kinds of samples with different mixes of classes: samples of
 * the first kind are weighted to the mix of the second, so that only differences within classes count. The p-value is that of
 * the limit with the correction of M. Stephens (1970), at the effective number of weighted samples (L. Kish 1965).
 *
 * @returns undefined if no class has both kinds
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
    // The functions are compared after the last of several equal values.
    if (weighed[i + 1]?.value !== item.value) distance = Math.max(distance, Math.abs(first - second));
  }
  return { distance, medians };
}

/** Sums of many weights are not exact. */
const ROUNDING = 1e-9;

/** The probability of a distance at least this large between samples of one distribution. */
function kolmogorovTail(distance: number, effective: number): number {
  const root = Math.sqrt(effective);
  const lambda = (root + 0.12 + 0.11 / root) * distance;
  // The series converges slowly where the probability is 1 within 1e-10.
  if (lambda < 0.25) return 1;
  let tail = 0;
  for (let k = 1; k <= 20; k++) tail += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * (k * lambda) ** 2);
  return Math.min(1, Math.max(0, tail));
}

/** How strongly two properties of samples are associated. */
export interface Association {
  /** Cramér's V, corrected for its bias: 0 independent, 1 one determines the other. */
  readonly v: number;
  /** How many standard deviations chi-squared is above its mean for independent properties. */
  readonly z: number;
}

/**
 * The association of two properties from a table of counts: Cramér's V with the correction of W. Bergsma, "A
 * bias-correction for Cramér's V and Tschuprow's T" (2013). Uncorrected, V of independent properties is far from 0 in
 * tables of many cells and few samples. Rows and columns without counts are ignored.
 *
 * @param table rows of equal length
 */
export function associationOf(table: readonly (readonly number[])[]): Association {
  const rows = table.map(sum).filter((total) => total > 0);
  const columns = (table[0] ?? []).map((_, j) => sum(table.map((row) => row[j]!)));
  const [r, k] = [rows.length, columns.filter((total) => total > 0).length];
  const n = sum(rows);
  if (r < 2 || k < 2 || n < 2) return { v: 0, z: 0 };
  const chiSquared = chiSquaredOf(table, columns, n);
  const freedom = (r - 1) * (k - 1);
  const excess = Math.max(0, chiSquared / n - freedom / (n - 1));
  const corrected = (size: number) => size - (size - 1) ** 2 / (n - 1);
  const most = Math.min(corrected(r), corrected(k)) - 1;
  return { v: most > 0 ? Math.min(1, Math.sqrt(excess / most)) : 0, z: normalScore(chiSquared, freedom) };
}

function chiSquaredOf(table: readonly (readonly number[])[], columns: readonly number[], n: number): number {
  let chiSquared = 0;
  for (const row of table) {
    const total = sum(row);
    for (const [j, observed] of row.entries()) {
      const expected = (total * columns[j]!) / n;
      if (expected > 0) chiSquared += (observed - expected) ** 2 / expected;
    }
  }
  return chiSquared;
}

/** The cube root of chi-squared is close to normal (Wilson and Hilferty 1931). */
function normalScore(chiSquared: number, freedom: number): number {
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(chiSquared / freedom) - (1 - spread)) / Math.sqrt(spread);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
