import type { EvaluationReport } from '../../history/record.js';

/** Two classes that are taken for each other. */
export interface ClassPair {
  readonly first: string;
  readonly second: string;
  /** Mistakes between the two, both ways. */
  readonly count: number;
  /** Samples of the first class that were taken for the second. */
  readonly firstAsSecond: number;
  readonly secondAsFirst: number;
  /** Mistakes between the two as a share of all mistakes. */
  readonly share: number;
}

/** The pairs with the most mistakes between them, both ways together; the worst first. */
export function worstPairs(
  { classes, confusion }: Pick<EvaluationReport, 'classes' | 'confusion'>,
  most: number,
): ClassPair[] {
  const mistakes = countMistakes(confusion);
  const pairs = new Map<
    string,
    { lower: number; upper: number; lowerAsUpper: number; upperAsLower: number }
  >();
  for (const [label, predicted, count] of confusion) {
    if (label === predicted) continue;
    const [lower, upper] = [Math.min(label, predicted), Math.max(label, predicted)];
    const pair = pairs.get(`${lower} ${upper}`) ?? { lower, upper, lowerAsUpper: 0, upperAsLower: 0 };
    pair[label === lower ? 'lowerAsUpper' : 'upperAsLower'] += count;
    pairs.set(`${lower} ${upper}`, pair);
  }
  return [...pairs.values()]
    .map(({ lower, upper, lowerAsUpper, upperAsLower }) => {
      const count = lowerAsUpper + upperAsLower;
      const [first, second] = lowerAsUpper >= upperAsLower ? [lower, upper] : [upper, lower];
      return {
        first: classes[first]!,
        second: classes[second]!,
        count,
        firstAsSecond: Math.max(lowerAsUpper, upperAsLower),
        secondAsFirst: Math.min(lowerAsUpper, upperAsLower),
        share: count / mistakes,
      };
    })
    .sort((a, b) => b.count - a.count)
    .slice(0, most);
}

/** All that is off the diagonal. */
export function countMistakes(confusion: EvaluationReport['confusion']): number {
  return confusion.reduce((sum, [label, predicted, count]) => (label === predicted ? sum : sum + count), 0);
}
