import type { RunComparison } from '../../core/learning/analysis/compare-runs.js';
import { differenceText, metricText } from '../../core/learning/history/number-text.js';
import type { HistoryTextOptions } from './history.js';
import { cutLine, wrapWords } from '../terminal/history-wrap.js';
import { tableLines } from '../terminal/table.js';

/** The ranking, what the groups differ in, and whether the difference is more than chance. */
export function comparisonLines(comparison: RunComparison, { width, paint }: HistoryTextOptions): string[] {
  const { metric, groups, duels } = comparison;
  const rows = groups.map(({ label, seeds, mean, standardDeviation, runs }, i) => [
    String(i + 1),
    label,
    String(seeds.length),
    metricText(metric, mean),
    standardDeviation === null ? '-' : differenceText(metric, standardDeviation),
    runs.map(({ name }) => name).join(' '),
  ]);
  const number = (title: string) => ({ title, numeric: true });
  const columns = [
    number('#'),
    { title: 'group' },
    number('seeds'),
    number(`mean ${metric}`),
    number('deviation'),
    { title: 'runs' },
  ];
  return [
    paint('bold', `Ranking by ${metric}`),
    '',
    ...tableLines(columns, rows).map((line) => cutLine(line, width)),
    ...settingLines(groups, width),
    ...duels.flatMap(({ first, second, verdict }) => [
      '',
      ...wrapWords(`${first} against ${second}: ${verdict}`, width, '  '),
    ]),
  ];
}

/** Settings that are listed; two networks can differ in a hundred. */
const LISTED = 12;

function settingLines(groups: RunComparison['groups'], width: number): string[] {
  const paths = [...new Set(groups.flatMap(({ settings }) => Object.keys(settings)))];
  if (paths.length === 0) return [];
  const more = paths.length > LISTED ? [`and ${paths.length - LISTED} more settings`] : [];
  return [
    '',
    'They differ in:',
    ...paths
      .slice(0, LISTED)
      .flatMap((path) =>
        wrapWords(
          `  ${path}: ${groups.map(({ settings }) => settings[path] ?? 'none').join(', ')}`,
          width,
          '    ',
        ),
      ),
    ...more.map((line) => `  ${line}`),
  ];
}
