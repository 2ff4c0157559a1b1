import { csvField } from '../../base/text.js';
import type { RunHistory } from './record.js';

/**
 * `history.csv`: a header, then a line for each epoch. The columns are all fields that some epoch has; a field that an
 * epoch has not is empty.
 */
export function historyTable({ epochs }: RunHistory): string {
  const rows = epochs.map((epoch) => ({ ...epoch }) as Readonly<Record<string, unknown>>);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [
    columns,
    ...rows.map((row) =>
      columns.map((column) => (Object.hasOwn(row, column) ? String(row[column] ?? '') : '')),
    ),
  ];
  return lines.map((cells) => `${cells.map(csvField).join(',')}\n`).join('');
}
