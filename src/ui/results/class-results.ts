/** What the results of runs, evaluations and comparisons have in common: classes, pairs of classes, bounds. */

import { percent, short } from '../../core/base/text/text.js';
import type { BoundResult } from '../../core/learning/analysis/bounds.js';
import type { ClassPair } from '../../core/learning/analysis/findings/classes.js';
import type { EvaluationReport } from '../../core/learning/history/record.js';
import { weakestFirst } from '../../core/learning/metrics/metrics.js';
import { numeric, tableLines } from '../terminal/format.js';
import type { TextOptions } from '../terminal/style.js';

/** Classes and pairs that are listed; a report has all of them. */
const LISTED = 10;

/** A table of the classes with the lowest F1. */
export function weakestClassLines(perClass: EvaluationReport['perClass']): string[] {
  const share = (value: number | null) => (value === null ? '-' : percent(value));
  const weakest = weakestFirst(perClass).slice(0, LISTED);
  return tableLines(
    [
      { title: weakest.length < perClass.length ? 'weakest classes' : 'class' },
      numeric('images'),
      numeric('precision'),
      numeric('recall'),
      numeric('F1'),
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

/** A table of the classes that are mistaken for each other, below an empty line; nothing where none are. */
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
  const columns = [{ title: 'worst pairs' }, numeric('mistakes'), numeric('of all'), { title: 'each way' }];
  return ['', ...tableLines(columns, rows)];
}

/** Which bounds were met. */
export function boundLines(
  bounds: readonly BoundResult[],
  namesRuns: boolean,
  { paint }: Pick<TextOptions, 'paint'>,
): string[] {
  if (bounds.length === 0) return [];
  return [
    '',
    ...bounds.map(({ run, metric, failsWhen, limit, value, met }) => {
      const is = value === null ? 'not a finite number' : short(value);
      const must = `${failsWhen === 'under' ? 'at least' : 'at most'} ${short(limit)}`;
      const word = met ? paint('green', 'met') : paint('red', 'missed');
      return `${word}: ${namesRuns ? `${run}: ` : ''}${metric} is ${is}, must be ${must}`;
    }),
  ];
}
