/** Counted for each bin that holds nothing, so that one picture makes no infinite difference (H. Jeffreys 1946). */
const PRIOR = 0.5;

/** Shares of the bins, and of how many pictures they are. */
export interface Sample {
  readonly shares: readonly number[];
  readonly count: number;
}

/**
 * The population stability index: the sum over the bins of (a - e) ln(a / e), where `a` and `e` are the shares of the
 * actual and the expected sample. It is the symmetric divergence of H. Jeffreys (1946), in use for credit scores since
 * E. Lewis (1994) and N. Siddiqi (2006).
 */
export function populationStabilityIndex(expected: Sample, actual: Sample): number {
  const [e, a] = [smoothed(expected), smoothed(actual)];
  return a.reduce((sum, share, i) => sum + (share - e[i]!) * Math.log(share / e[i]!), 0);
}

/**
 * The index that chance alone gives on average: (bins - 1) (1 / n + 1 / m), because the index of samples of one
 * distribution follows chi-squared (B. Yurdakul 2018, Statistical Properties of Population Stability Index).
 */
export function indexByChance(expected: Sample, actual: Sample): number {
  return (expected.shares.length - 1) * (1 / expected.count + 1 / actual.count);
}

/**
 * The distance of Kolmogorov and Smirnov, the largest one between two distribution functions, looked at between the
 * bins: 0 equal, 1 without overlap.
 */
export function kolmogorovSmirnov({ shares: e }: Sample, { shares: a }: Sample): number {
  let [difference, distance] = [0, 0];
  for (const [i, share] of a.entries()) {
    difference += share - e[i]!;
    distance = Math.max(distance, Math.abs(difference));
  }
  return distance;
}

function smoothed({ shares, count }: Sample): number[] {
  const total = count + PRIOR * shares.length;
  return shares.map((share) => (share * count + PRIOR) / total);
}
