import { htmlSection, htmlTable } from './kit/markup.js';
import type { BoundResult } from '../core/learning/analysis/bounds.js';
import { short } from '../core/learning/history/number-text.js';

/** What was to be reached, and whether it was; nothing without bounds. */
export function boundsSection(bounds: readonly BoundResult[]): string {
  if (bounds.length === 0) return '';
  const rows = bounds.map(({ run, metric, failsWhen, limit, value, met }) => [
    run,
    metric,
    value === null ? '–' : short(value),
    `${failsWhen === 'under' ? 'at least' : 'at most'} ${short(limit)}`,
    met ? 'met' : 'missed',
  ]);
  const columns = [
    { title: 'of' },
    { title: 'metric' },
    { title: 'value', numeric: true },
    { title: 'bound' },
    { title: '' },
  ];
  return htmlSection('Bounds', htmlTable(columns, rows));
}
