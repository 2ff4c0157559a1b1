import { KPI_COLUMNS, kpiRow } from './kpi.js';
import type { KpiReport } from '../core/operations/kpi/report-kpis.js';

/** A report as a page to keep. */
export function kpiMarkdown({ kpis, time }: Pick<KpiReport, 'kpis' | 'time'>): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('\\', '\\\\').replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    '# Key performance indicators',
    '',
    `Compared at ${time} by \`roble kpi:report\`.`,
    '',
    line(KPI_COLUMNS.map(({ title }) => title)),
    `|${KPI_COLUMNS.map(({ numeric }) => (numeric ? '---:' : '---')).join('|')}|`,
    ...kpis.map((kpi) => line(kpiRow(kpi))),
    '',
  ].join('\n');
}
