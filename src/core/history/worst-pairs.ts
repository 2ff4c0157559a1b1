import type { EvaluationReport } from './record.js';

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
  const pairs: ClassPair[] = [];
  for (let a = 0; a < classes.length; a++)
    for (let b = a + 1; b < classes.length; b++) {
      const [aAsB, bAsA] = [confusion[a]![b]!, confusion[b]![a]!];
      if (aAsB + bAsA === 0) continue;
      const [first, second] = aAsB >= bAsA ? [a, b] : [b, a];
      pairs.push({
        first: classes[first]!,
        second: classes[second]!,
        count: aAsB + bAsA,
        firstAsSecond: Math.max(aAsB, bAsA),
        secondAsFirst: Math.min(aAsB, bAsA),
        share: (aAsB + bAsA) / mistakes,
      });
    }
  return pairs.sort((a, b) => b.count - a.count).slice(0, most);
}

/** All that is off the diagonal. */
export function countMistakes(confusion: EvaluationReport['confusion']): number {
  let mistakes = 0;
  for (const [label, row] of confusion.entries())
    for (const [predicted, count] of row.entries()) if (predicted !== label) mistakes += count;
  return mistakes;
}
