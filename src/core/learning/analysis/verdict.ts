import { countOf } from '../../base/text.js';
import { differenceText, percent, short } from '../history/number-text.js';
import { holmAdjusted, type PairedTest, pairedTest } from './paired-test.js';
import { mean } from '../../base/statistics.js';

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
