import { incompleteBeta } from './paired-tests.js';

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
