import { short } from '../core/base/text/text.js';
import { KPI_TARGETS, type KpiResult, type KpiStatus } from '../core/operations/kpi/judge.js';
import type { KpiReport } from '../core/operations/kpi/report-kpis.js';
import type { KpiName } from '../core/operations/kpi/settings.js';

/** The columns of a report, and a row for each indicator. */
export const KPI_COLUMNS = [
  { title: 'KPI' },
  { title: 'target', numeric: true },
  { title: 'measured', numeric: true },
  { title: 'result' },
  { title: 'from' },
];

export const STATUS_TEXT: Readonly<Record<KpiStatus, string>> = {
  met: 'met',
  missed: 'missed',
  'not-measured': 'not measured',
};

export function kpiRow({ name, target, measured, status, source }: KpiResult): string[] {
  const bound = KPI_TARGETS[name] === 'least' ? 'at least' : 'at most';
  const value = measured === null ? '-' : valueText(name, measured);
  return [name, `${bound} ${valueText(name, target)}`, value, STATUS_TEXT[status], source];
}

/** Shares with three digits after the point, so that 99.95 % and 99.99 % are not the same. */
function valueText(name: KpiName, value: number): string {
  if (name === 'latencyP99Ms') return `${short(value)} ms`;
  if (name === 'secondsPerEpoch') return `${short(value)} s`;
  return `${Number((value * 100).toFixed(3))} %`;
}

/** A report as a page to keep. */
export function kpiMarkdown({ kpis, time }: KpiReport): string {
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
