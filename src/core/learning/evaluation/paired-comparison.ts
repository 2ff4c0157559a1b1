import { countOf, formatCount, points, short } from '../../base/text/text.js';
import { holmAdjusted, mcnemarTest } from '../analysis/paired-tests.js';

/** Two models on the same samples. */
export interface PairedComparison {
  /** The model that was named first. */
  readonly first: string;
  readonly second: string;
  readonly onlyFirstRight: number;
  readonly onlySecondRight: number;
  readonly bothRight: number;
  readonly bothWrong: number;
  /** Accuracy of the second less that of the first. */
  readonly difference: number;
  /** Of the exact test of McNemar, two-sided. */
  readonly pValue: number;
  /** The p value for as many models as are compared with the first (Holm 1979). */
  readonly adjustedPValue: number;
  /** In words. */
  readonly verdict: string;
}

/** Counts on which samples each further model is right when the first one is, and when it is not. */
export class PairedCounts {
  /** Of each further model, [both wrong, only the second right, only the first right, both right]. */
  readonly #counts: readonly Float64Array[];

  constructor(models: number) {
    this.#counts = Array.from({ length: Math.max(0, models - 1) }, () => new Float64Array(4));
  }

  /** @param right of each model, whether it has the sample right */
  add([first, ...others]: readonly boolean[]): void {
    for (const [i, second] of others.entries()) this.#counts[i]![2 * Number(first) + Number(second)]!++;
  }

  /** Each further model against the first. */
  compare([first, ...others]: readonly string[]): PairedComparison[] {
    const pValues = this.#counts.map(([, onlySecond, onlyFirst]) => mcnemarTest(onlyFirst!, onlySecond!));
    const adjusted = holmAdjusted(pValues);
    return this.#counts.map(([bothWrong, onlySecondRight, onlyFirstRight, bothRight], i) => {
      const count = bothWrong! + onlySecondRight! + onlyFirstRight! + bothRight!;
      const compared = {
        first: first!,
        second: others[i]!,
        onlyFirstRight: onlyFirstRight!,
        onlySecondRight: onlySecondRight!,
        bothRight: bothRight!,
        bothWrong: bothWrong!,
        difference: (onlySecondRight! - onlyFirstRight!) / count,
        pValue: pValues[i]!,
        adjustedPValue: adjusted[i]!,
      };
      return { ...compared, verdict: verdictOf(compared) };
    });
  }
}

function verdictOf({
  first,
  second,
  onlyFirstRight,
  onlySecondRight,
  difference,
  adjustedPValue,
}: Omit<PairedComparison, 'verdict'>): string {
  const discordant = onlyFirstRight + onlySecondRight;
  if (discordant === 0) return `${first} and ${second} are right on the same samples.`;
  const numbers =
    `${points(Math.abs(difference))}; of ${countOf(discordant, 'sample')} on which one alone is right, ` +
    `${formatCount(Math.max(onlyFirstRight, onlySecondRight))} are its own; ${pText(adjustedPValue)}`;
  const better = difference > 0 ? second : first;
  if (adjustedPValue < 0.05) return `${better} is better (${numbers}).`;
  const counts = `${formatCount(onlyFirstRight)} and ${formatCount(onlySecondRight)} of ${countOf(discordant, 'sample')}`;
  return `${first} and ${second} cannot be told apart (${counts} on which one alone is right; ${pText(adjustedPValue)}).`;
}

function pText(pValue: number): string {
  return pValue < 1e-4 ? 'p < 0.0001' : `p = ${short(pValue)}`;
}
