import type { EvaluationReport } from '../history/record.js';

type ClassResult = EvaluationReport['perClass'][number];

/** The classes by their F1, the worst first; those without a sample, of which nothing is known, come last. */
export function weakestFirst(perClass: readonly ClassResult[]): ClassResult[] {
  const isKnown = ({ support }: ClassResult) => Number(support > 0);
  return [...perClass].sort((a, b) => isKnown(b) - isKnown(a) || (a.f1 ?? 0) - (b.f1 ?? 0));
}
