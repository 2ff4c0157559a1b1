import { percent } from '../../core/base/text.js';
import type { ClassPair } from '../../core/learning/analysis/findings/classes.js';
import type { EvaluationReport } from '../../core/learning/history/record.js';
import { weakestFirst } from '../../core/learning/metrics/metrics.js';
import { tableLines } from '../terminal/format.js';

/** Classes and pairs that are listed; a report has all of them. */
const LISTED = 10;

const number = (title: string) => ({ title, numeric: true });

/** A table of the classes that are known worst. */
export function weakestClassLines(perClass: EvaluationReport['perClass']): string[] {
  const share = (value: number | null) => (value === null ? '-' : percent(value));
  const weakest = weakestFirst(perClass).slice(0, LISTED);
  return tableLines(
    [
      { title: weakest.length < perClass.length ? 'weakest classes' : 'class' },
      number('images'),
      number('precision'),
      number('recall'),
      number('F1'),
    ],
    weakest.map(({ label, support, precision, recall, f1 }) => [
      label,
      String(support),
      share(precision),
      share(recall),
      share(f1),
    ]),
  );
}

/** A table of the classes that are taken for each other, below an empty line; nothing where none are. */
export function pairLines(pairs: readonly ClassPair[]): string[] {
  if (pairs.length === 0) return [];
  const rows = pairs
    .slice(0, LISTED)
    .map(({ first, second, count, share, firstAsSecond, secondAsFirst }) => [
      `${first} / ${second}`,
      String(count),
      percent(share),
      `${firstAsSecond} + ${secondAsFirst}`,
    ]);
  const columns = [{ title: 'worst pairs' }, number('mistakes'), number('of all'), { title: 'each way' }];
  return ['', ...tableLines(columns, rows)];
}
