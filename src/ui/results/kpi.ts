import type { KpiStatus } from '../../core/operations/kpi/judge.js';
import type { KpiReport } from '../../core/operations/kpi/report-kpis.js';
import { KPI_COLUMNS, kpiRow, STATUS_TEXT } from '../../pages/kpi.js';
import { tableLines } from '../terminal/format.js';
import type { TextOptions } from '../terminal/style.js';

const COLORS: Readonly<Record<KpiStatus, 'green' | 'red' | 'yellow'>> = {
  met: 'green',
  missed: 'red',
  'not-measured': 'yellow',
};

/** A report for people. */
export function kpiLines(
  { kpis, markdown }: KpiReport & { readonly markdown?: string },
  { paint }: Pick<TextOptions, 'paint'>,
): string[] {
  const [title = '', rule = '', ...rows] = tableLines(KPI_COLUMNS, kpis.map(kpiRow));
  const painted = rows.map((row, i) => {
    const { status } = kpis[i]!;
    const text = ` ${STATUS_TEXT[status]} `;
    return row.replace(text, paint(COLORS[status], text));
  });
  return [title, rule, ...painted, ...(markdown === undefined ? [] : ['', `Markdown: ${markdown}`])];
}
