import { mean, standardDeviation } from '../../base/statistics.js';
import { countOf, percent, short } from '../../base/text.js';
import { differenceText } from '../history/metrics.js';

/**
 * The distribution of Student's t, by the regularised incomplete beta function (Abramowitz and Stegun 1964, 26.7.1;
 * NIST DLMF 8.17).
 */

/** The probability that a t of so many degrees of freedom is at least as far from 0 as `t`, on either side. */
export function studentTwoSided(t: number, degreesOfFreedom: number): number {
  return incompleteBeta(degreesOfFreedom / (degreesOfFreedom + t * t), degreesOfFreedom / 2, 0.5);
}

/**
 * The t that is exceeded, on either side, with a probability: `studentQuantile(0.05, 4)` is 2.776, the factor of a 95 %
 * confidence interval of five values.
 */
export function studentQuantile(probability: number, degreesOfFreedom: number): number {
  let [low, high] = [0, 1];
  while (studentTwoSided(high, degreesOfFreedom) > probability) high *= 2;
  // Halving an interval of doubles more often than their 53 bits changes nothing.
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (studentTwoSided(middle, degreesOfFreedom) > probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** I_x(a, b), the share of the beta function's integral up to x. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast below the mean of the distribution; above it, its mirror image does.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const logFactor =
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x) - Math.log(a);
  return Math.exp(logFactor) / betaFraction(x, a, b);
}

const MAX_TERMS = 1000;
const PRECISION = 1e-15;
const ALMOST_ZERO = 1e-300;

/** The continued fraction 1 + d1/(1 + d2/(1 + ...)) of DLMF 8.17.22, by the method of Lentz (1976). */
function betaFraction(x: number, a: number, b: number): number {
  let [value, numerator, denominator] = [1, 1, 0];
  for (let term = 1; term <= MAX_TERMS; term++) {
    const coefficient = betaCoefficient(term, x, a, b);
    denominator = 1 / notZero(1 + coefficient * denominator);
    numerator = notZero(1 + coefficient / numerator);
    value *= numerator * denominator;
    if (Math.abs(numerator * denominator - 1) < PRECISION) break;
  }
  return value;
}

function betaCoefficient(term: number, x: number, a: number, b: number): number {
  const m = Math.floor(term / 2);
  return term % 2 === 0
    ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
}

function notZero(value: number): number {
  return Math.abs(value) < ALMOST_ZERO ? ALMOST_ZERO : value;
}

/** The coefficients of Stirling's series, B(2k) / (2k (2k - 1)); DLMF 5.11.1. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360];

/** The logarithm of the gamma function of a positive number. */
function logGamma(x: number): number {
  // The series needs a large argument: Γ(x) = Γ(x + 1) / x.
  if (x < 12) return logGamma(x + 1) - Math.log(x);
  const correction = STIRLING.reduce((sum, coefficient, k) => sum + coefficient / x ** (2 * k + 1), 0);
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + correction;
}

/**
 * The exact test of McNemar (1947) of two models on the same samples: the probability that of the samples on which only
 * one is right so many or more belong to one of them, either way, were both equally good. Two-sided, by the binomial
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

/** One of several paired tests. */
export interface AdjustedTest extends PairedTest {
  /** The p value for as many tests as are made together (Holm 1979). */
  readonly adjustedPValue: number;
}

/** The paired test of each list of differences; undefined where there is nothing to tell chance from. */
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
