import { short } from '../../core/base/text/text.js';
import { linearScale, logTicks, niceTicks, type Range, rangeOf, tickLabels } from '../../pages/plot/axis.js';
import { painter } from './style.js';

/** A line of a chart: its name, for the legend, and its points [x, y] in the order in which they are joined. */
export interface LineSeries {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface LineChartOptions {
  /** Characters of the whole chart, its labels included; at least 20. */
  readonly width: number;
  /** Lines of the whole chart, its axis and legend included; at least 6. */
  readonly height: number;
  /** A logarithmic x axis; points whose x is not positive are left out. */
  readonly logX?: boolean;
  /** Colours tell the series apart; without them, each has a sign of its own. */
  readonly color?: boolean;
}

const SIGNS = ['*', 'o', '+', 'x', '#', '@', '%', '&'];
const COLORS = ['cyan', 'yellow', 'green', 'magenta', 'blue', 'red', 'white', 'gray'] as const;

/** Lines under the plot: the axis and its labels. */
const AXIS_LINES = 2;
/** Lines that the legend leaves to the rest, at least. */
const LEAST_LINES = 5;

/**
 * A line chart in text, no line longer than `width`. Points that are not finite are left out and break the line.
 *
 * @example
 * lineChart([{ name: 'loss', points: [[1, 2.3], [2, 1.1], [3, 0.7]] }], { width: 80, height: 12, color: true });
 */
export function lineChart(series: readonly LineSeries[], options: LineChartOptions): string[] {
  const { logX = false, color = false } = options;
  const parts = series.map(({ points }) => unbrokenParts(points, logX));
  const shown = parts.flat(2);
  if (shown.length === 0) return ['(no values to show)'];
  const [width, height] = [Math.max(20, options.width), Math.max(6, options.height)];
  const xRange = rangeOf(shown.map(([x]) => x));
  const yRange = rangeOf(shown.map(([, y]) => y));
  const paint = painter({ isTTY: color }, {});
  const colored = (index: number, text: string) => paint(COLORS[index % COLORS.length]!, text);
  const sign = (index: number) => colored(index, color ? '──' : series.length === 1 ? '' : signOf(index));
  const legend = legendLines(series, width, sign).slice(0, height - LEAST_LINES);
  const rows = height - AXIS_LINES - legend.length;
  const ticks = labelledRows(yRange, rows);
  const labelWidth = Math.max(...[...ticks.values()].map((label) => label.length));
  const columns = width - labelWidth - 2;

  // Braille dots are finer, but only colours tell two lines of them apart.
  const canvas = new DotCanvas(columns, rows, color || series.length === 1 ? 'braille' : 'signs');
  drawLines(canvas, parts, xRange, yRange);
  const plot = canvas.rows(SIGNS, colored).map((row, i) => {
    const label = ticks.get(i);
    return `${(label ?? '').padStart(labelWidth)} ${label === undefined ? '│' : '┤'}${row}`.trimEnd();
  });
  const xTicks = labelledColumns(xRange, { columns, logX, whole: shown.every(([x]) => Number.isInteger(x)) });
  const margin = ' '.repeat(labelWidth + 1);
  return [
    ...plot,
    `${margin}└${axisLine(xTicks, columns)}`,
    `${margin} ${axisLabels(xTicks, columns)}`.trimEnd(),
    ...legend,
  ];
}

function drawLines(canvas: DotCanvas, series: readonly Point[][][], xRange: Range, yRange: Range): void {
  const [xScale, yScale] = [linearScale(xRange, 0, 1), linearScale(yRange, 1, 0)];
  for (const [index, lines] of series.entries())
    for (const line of lines)
      canvas.polyline(
        line.map(([x, y]) => [xScale(x), yScale(y)]),
        index,
      );
}

type Point = readonly [number, number];

/** The points of a series as stretches without a gap, with x as its axis counts. */
function unbrokenParts(points: readonly Point[], logX: boolean): Point[][] {
  const parts: Point[][] = [[]];
  for (const [x, y] of points) {
    const place = logX ? Math.log10(x) : x;
    if ([x, place, y].every(isDrawable)) parts.at(-1)!.push([place, y]);
    else if (parts.at(-1)!.length > 0) parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}

/** Finite, and so small that the difference of two is finite too. */
function isDrawable(value: number): boolean {
  return Math.abs(value) < Number.MAX_VALUE / 4;
}

/** The rows that have a label on the y axis, every second at most. */
function labelledRows(range: Range, rows: number): Map<number, string> {
  const ticks = niceTicks(range, Math.max(3, Math.ceil(rows / 2)));
  const labels = tickLabels(ticks);
  const row = linearScale(range, rows - 1, 0);
  return new Map(ticks.map((tick, i) => [Math.round(row(tick)), labels[i]!] as const));
}

interface ColumnLabel {
  readonly column: number;
  readonly text: string;
}

interface HorizontalAxis {
  readonly columns: number;
  readonly logX: boolean;
  /** Whether it counts, as epochs do. */
  readonly whole: boolean;
}

/** The columns that have a label on the x axis, as many as fit. */
function labelledColumns(range: Range, { columns, logX, whole }: HorizontalAxis): ColumnLabel[] {
  const ticks = logX
    ? logTicks([10 ** range[0], 10 ** range[1]])
    : niceTicks(range, Math.max(2, Math.floor(columns / 9)), whole ? 1 : 0);
  const labels = logX ? ticks.map(short) : tickLabels(ticks);
  const column = linearScale(range, 0, columns - 1);
  return ticks.map((tick, i) => ({
    column: Math.round(column(logX ? Math.log10(tick) : tick)),
    text: labels[i]!,
  }));
}

function axisLine(ticks: readonly ColumnLabel[], columns: number): string {
  const marked = new Set(ticks.map(({ column }) => column));
  return Array.from({ length: columns }, (_, column) => (marked.has(column) ? '┬' : '─')).join('');
}

/** The labels of the x axis, each centred under its tick; one that would touch the one before is left out. */
function axisLabels(ticks: readonly ColumnLabel[], columns: number): string {
  let line = '';
  for (const { column, text } of ticks) {
    const start = Math.max(0, Math.min(columns - text.length, column - Math.floor(text.length / 2)));
    if (line.length === 0 || start > line.length) line = line.padEnd(start) + text;
  }
  return line.slice(0, columns);
}

function signOf(index: number): string {
  return SIGNS[index % SIGNS.length]!;
}

/** The names of the series after their signs, which take two characters at most. */
function legendLines(
  series: readonly LineSeries[],
  width: number,
  sign: (index: number) => string,
): string[] {
  const longest = width - 3;
  const lines: string[] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const [index, { name }] of series.entries()) {
    const shown = name.length > longest ? `${name.slice(0, longest - 1)}…` : name;
    const entry = `${sign(index)} ${shown}`.trimStart();
    const fits = length + 6 + shown.length <= width;
    if (fits) lines[lines.length - 1] += `   ${entry}`;
    else lines.push(entry);
    length = fits ? length + 6 + shown.length : 3 + shown.length;
  }
  return lines;
}

/** The bit of a dot in a braille character, by its row and column; Unicode 16.0, block U+2800. */
const BRAILLE_BITS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const BRAILLE_BLANK = 0x2800;

interface Cell {
  bits: number;
  /** The series that drew here last. */
  series: number;
}

/**
 * A grid of characters to draw lines on: `braille` has 2 x 4 dots in each character, `signs` shows one sign of the
 * series in each.
 */
class DotCanvas {
  readonly #cells = new Map<number, Cell>();
  readonly #columns: number;
  readonly #rows: number;
  readonly #style: 'braille' | 'signs';

  constructor(columns: number, rows: number, style: 'braille' | 'signs') {
    this.#columns = columns;
    this.#rows = rows;
    this.#style = style;
  }

  /** Joins points whose coordinates run from 0 (left, top) to 1. A single point is a dot. */
  polyline(points: readonly (readonly [number, number])[], series: number): void {
    const [wide, high] = this.#style === 'braille' ? [2, 4] : [1, 1];
    const places = points.map(([x, y]) => [
      Math.round(x * (this.#columns * wide - 1)),
      Math.round(y * (this.#rows * high - 1)),
    ]);
    for (const [i, [x, y]] of places.entries()) {
      const [fromX, fromY] = places[i - 1] ?? [x, y];
      const dots = Math.max(1, Math.abs(x! - fromX!), Math.abs(y! - fromY!));
      for (let dot = 0; dot <= dots; dot++) {
        const share = dot / dots;
        this.#dot(
          Math.round(fromX! + (x! - fromX!) * share),
          Math.round(fromY! + (y! - fromY!) * share),
          series,
        );
      }
    }
  }

  #dot(x: number, y: number, series: number): void {
    const [column, row, bit] =
      this.#style === 'braille' ? [x >> 1, y >> 2, BRAILLE_BITS[y & 3]![x & 1]!] : [x, y, 0];
    const index = row * this.#columns + column;
    const cell = this.#cells.get(index);
    this.#cells.set(index, { bits: (cell?.bits ?? 0) | bit, series });
  }

  /** The rows of the picture, each character as `paint` colours it for its series. */
  rows(signs: readonly string[], paint: (series: number, text: string) => string): string[] {
    return Array.from({ length: this.#rows }, (_, row) =>
      Array.from({ length: this.#columns }, (_, column) => {
        const cell = this.#cells.get(row * this.#columns + column);
        if (!cell) return ' ';
        const text =
          this.#style === 'braille'
            ? String.fromCodePoint(BRAILLE_BLANK + cell.bits)
            : signs[cell.series % signs.length]!;
        return paint(cell.series, text);
      }).join(''),
    );
  }
}

const LEVELS = '▁▂▃▄▅▆▇█';

/** The last values as a row of bars, `width` characters at most; from the smallest value shown to the largest. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.filter(Number.isFinite).slice(-Math.max(0, width));
  const low = Math.min(...shown);
  const span = Math.max(...shown) - low;
  return shown
    .map((value) => LEVELS[span === 0 ? 0 : Math.round(((value - low) / span) * (LEVELS.length - 1))])
    .join('');
}

/** A bar of `width` characters that is filled from the left. */
export function progressBar(fraction: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}
