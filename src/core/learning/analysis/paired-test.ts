import { studentQuantile, studentTwoSided } from './paired-tests.js';
import { mean, standardDeviation } from '../../base/statistics.js';

export interface PairedTest {
  readonly meanDifference: number;
  /** The 95 % confidence interval of the mean difference. */
  readonly interval: readonly [low: number, high: number];
  /** Probability of a mean difference this far from 0, either way, if there were none. */
  readonly pValue: number;
  /** Pairs with which a difference of this size would be found four times in five, at p < 0.05. */
  readonly pairsNeeded: number;
}

/** The normal quantiles of a two-sided test at 5 % and of a power of 80 %: 1.960 + 0.842. */
const POWER_QUANTILES = 2.802;

/**
 * Student's paired t-test (Student 1908) on differences.
 *
 * @returns undefined of fewer than two differences, or of differences that are all the same: there is nothing to tell
 *   chance from
 */
export function pairedTest(differences: readonly number[]): PairedTest | undefined {
  const deviation = standardDeviation(differences);
  const meanDifference = mean(differences);
  // Differences that are equal but for rounding have no spread either.
  if (deviation === undefined || deviation <= Math.abs(meanDifference) * 1e-9) return undefined;
  const degreesOfFreedom = differences.length - 1;
  const standardError = deviation / Math.sqrt(differences.length);
  const reach = studentQuantile(0.05, degreesOfFreedom) * standardError;
  return {
    meanDifference,
    interval: [meanDifference - reach, meanDifference + reach],
    pValue: studentTwoSided(meanDifference / standardError, degreesOfFreedom),
    // Two more than for the normal distribution make up for the unknown deviation.
    pairsNeeded: Math.ceil(((POWER_QUANTILES * deviation) / meanDifference) ** 2) + 2,
  };
}

/**
 * The p values of several tests, raised so that the chance of even one false finding stays what each says (Holm 1979).
 * The order is that of the argument.
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  const ascending = pValues.map((pValue, index) => ({ pValue, index })).sort((a, b) => a.pValue - b.pValue);
  for (const [rank, { pValue, index }] of ascending.entries()) {
    largest = Math.min(1, Math.max(largest, pValue * (pValues.length - rank)));
    adjusted[index] = largest;
  }
  return adjusted;
}
