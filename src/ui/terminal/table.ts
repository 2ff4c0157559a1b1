/** A column: its title, and whether its values are numbers, which are lined up on the right. */
export interface Column {
  readonly title: string;
  readonly numeric?: boolean;
}

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
