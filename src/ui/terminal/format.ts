import { formatCount } from '../../core/base/text/text.js';

/** A duration as `8s`, `2m 05s` or `1h 03m`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '?';
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${two(Math.floor(seconds / 60) % 60)}m`;
}

/** `120/500 images (24%)`, or `120 images` when the end is not known. */
export function formatProgress(done: number, total: number | undefined, unit: string): string {
  if (!total) return `${formatCount(done)} ${unit}`;
  return `${formatCount(done)}/${formatCount(total)} ${unit} (${Math.floor((100 * done) / total)}%)`;
}

/** A metric for people: counts and rates whole, the rest with four digits. */
export function formatMetric(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return formatCount(Math.round(value));
  return Math.abs(value) < 0.001 && value !== 0 ? value.toExponential(2) : value.toFixed(4);
}

/** `loss 0.4321, accuracy 0.8765`. */
export function formatMetrics(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${formatMetric(value)}`)
    .join(', ');
}

/** How many samples each split holds: `train 1,600, validation 400`. */
export function formatSplits(splits: Readonly<Record<string, number | undefined>>): string {
  return Object.entries(splits)
    .map(([split, count]) => `${split} ${formatCount(count ?? 0)}`)
    .join(', ');
}

/** Text in lines of at most `width` characters, broken between words; lines after the first begin with `indent`. */
export function wrapWords(text: string, width: number, indent = ''): string[] {
  const start = /^ */.exec(text)![0];
  const lines: string[] = [];
  let line = start;
  let isEmpty = true;
  for (const word of text.slice(start.length).split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

/** A line that ends where the terminal does. */
export function cutLine(line: string, width: number): string {
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}

/** A column: its title, and whether its values are numbers, which are lined up on the right. */
export interface Column {
  readonly title: string;
  readonly numeric?: boolean;
}

/** A column of numbers. */
export const numeric = (title: string): Column => ({ title, numeric: true });

/**
 * Lines of text in columns that are as wide as their widest value.
 *
 * @example
 * tableLines([{ title: 'Layer' }, { title: 'Parameters', numeric: true }], [['conv1', '288']]);
 */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const cells = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        columns[column]!.numeric ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(cells[0]!), rule, ...rows.map(line)];
}
