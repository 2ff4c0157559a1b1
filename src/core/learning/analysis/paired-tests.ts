import { mean, standardDeviation } from '../../base/statistics.js';
import { countOf, percent, short } from '../../base/text/text.js';
import { differenceText } from '../history/metrics.js';
import { incompleteBeta, studentQuantile, studentTwoSided } from './distributions.js';

/**
 * The exact test of McNemar (1947) of two models on the same samples: the probability, were both equally good,
 * that the samples on which only one is right are divided between them as unevenly as they are, or more so. Two-sided, by the binomial
 * distribution.
 *
 * @param onlyFirst samples that the first model alone has right
 * @param onlySecond samples that the second one alone has right
 */
export function mcnemarTest(onlyFirst: number, onlySecond: number): number {
  const discordant = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  if (2 * fewer === discordant) return 1;
  // The lower tail of the binomial distribution at 1/2 (NIST DLMF 8.17.5).
  return Math.min(1, 2 * incompleteBeta(0.5, discordant - fewer, fewer + 1));
}

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
 * @returns undefined for fewer than two differences, or for differences that are all the same: there is no spread to
 *   judge chance by
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

/** One of several paired tests. */
export interface AdjustedTest extends PairedTest {
  /** The p value for as many tests as are made together (Holm 1979). */
  readonly adjustedPValue: number;
}

/** The paired test of each list of differences; undefined where there is no spread to judge chance by. */
export function pairedTests(lists: readonly (readonly number[])[]): (AdjustedTest | undefined)[] {
  const tests = lists.map(pairedTest);
  const adjusted = holmAdjusted(tests.flatMap((test) => test?.pValue ?? []));
  return tests.map((test) => test && { ...test, adjustedPValue: adjusted.shift()! });
}

/**
 * What differences over common seeds say, in words.
 *
 * @param better name of what the mean difference speaks for
 */
export function verdictOf(
  better: string,
  differences: readonly number[],
  test: AdjustedTest | undefined,
  metric: string,
): string {
  const seeds = countOf(differences.length, 'common seed');
  if (differences.length < 2)
    return `No evidence: with ${seeds} a difference cannot be told from chance. Train both with two or more of the same seeds; five find what matters.`;
  if (!test)
    return mean(differences) === 0
      ? `No difference in any of ${seeds}.`
      : `The difference is the same in all of ${seeds}, which leaves nothing to judge chance by.`;
  const text = (value: number) => differenceText(metric, value);
  const numbers =
    `${text(test.meanDifference)} on average, 95 % interval ${text(test.interval[0])} to ${text(test.interval[1])}, ` +
    `p = ${short(test.adjustedPValue)}, ${seeds}`;
  if (test.adjustedPValue < 0.05) return `${better} is better (${numbers}).`;
  return `Cannot be told apart (${numbers}).${neededSentence(test)}`;
}

/** More seeds than anyone trains. */
const TOO_MANY = 100;

function neededSentence({ pairsNeeded }: PairedTest): string {
  return pairsNeeded > TOO_MANY
    ? ` A difference this small against this spread would take more than ${TOO_MANY} seeds.`
    : ` If it is real, about ${pairsNeeded} seeds would show it, ${percent(0.8)} of the time.`;
}
