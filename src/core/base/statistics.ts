/** The mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The sample standard deviation, divided by n - 1; undefined of fewer than two values. */
export function standardDeviation(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const center = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return mean(sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1));
}

/** The normal quantile of a 95 % interval. */
const Z = 1.959963984540054;

/**
 * The 95 % confidence interval of a share (Wilson 1927), which stays within 0..1 and holds for few samples and for shares
 * near the ends.
 *
 * @param right of `count`, which is not 0
 */
export function wilsonInterval(right: number, count: number): readonly [low: number, high: number] {
  const share = right / count;
  const center = share + Z ** 2 / (2 * count);
  const reach = Z * Math.sqrt((share * (1 - share)) / count + (Z / (2 * count)) ** 2);
  const scale = 1 + Z ** 2 / count;
  // At the ends rounding leaves something next to 0 or to 1.
  const low = right === 0 ? 0 : (center - reach) / scale;
  const high = right === count ? 1 : (center + reach) / scale;
  return [low, high];
}
