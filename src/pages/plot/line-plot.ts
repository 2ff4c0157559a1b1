import { percent } from '../../core/base/text/text.js';
import { cut, element, escapeMarkup, textAt } from '../kit/html.js';
import { lineClass, SERIES_COLORS } from '../kit/theme.js';
import { linearScale, niceTicks, type Range, rangeOf, tickLabels } from './axis.js';
import { PANEL_WIDTH, type Panel } from './panel.js';

export interface PlotSeries {
  readonly name: string;
  /** A point whose y is not finite breaks the line. */
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly dashed?: boolean;
  /** Number of its colour; by default its index among the series. */
  readonly color?: number;
}

/** A vertical line at an x, with a short label on top. */
export interface PlotMark {
  readonly x: number;
  readonly label: string;
  /** What the label stands for, shown when pointed at. */
  readonly meaning: string;
}

export interface LinePlot {
  readonly title: string;
  readonly xTitle: string;
  readonly series: readonly PlotSeries[];
  /** Values are shares of 1, shown in percent. */
  readonly isShare?: boolean;
  readonly marks?: readonly PlotMark[];
  /** Whether the names of the series are shown; by default they are. */
  readonly legend?: boolean;
}

const HEIGHT = 280;
const AREA = { left: 62, right: PANEL_WIDTH - 14, top: 64, bottom: HEIGHT - 42 };
/** More points than this need no dots to be seen. */
const MOST_DOTS = 30;

type Scale = ReturnType<typeof linearScale>;

/** Lines over a common axis of whole numbers. Undefined without a value to show. */
export function linePlot(plot: LinePlot): Panel | undefined {
  const points = plot.series.flatMap((series) => series.points).filter(([, y]) => Number.isFinite(y));
  if (points.length === 0) return undefined;
  const xs = rangeOf([...points.map(([x]) => x), ...(plot.marks ?? []).map(({ x }) => x)]);
  const ys = padded(rangeOf(points.map(([, y]) => y)), plot.isShare ?? false);
  const x = linearScale(xs, AREA.left + 4, AREA.right - 4);
  const y = linearScale(ys, AREA.bottom, AREA.top);
  return {
    title: plot.title,
    width: PANEL_WIDTH,
    height: HEIGHT,
    drawing: [
      textAt(0, 16, plot.title, { class: 'title' }),
      ...(plot.legend === false ? [] : [legend(plot.series)]),
      verticalAxis(ys, y, plot.isShare ?? false),
      horizontalAxis(xs, x, plot.xTitle),
      ...labelledMarks(plot.marks ?? [], x),
      ...plot.series.map((series, i) => line(series, series.color ?? i, x, y)),
    ].join(''),
  };
}

/** Some space above and below, but no impossible shares. */
function padded([low, high]: Range, isShare: boolean): Range {
  const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  if (!isShare) return [low - air, high + air];
  return [Math.max(Math.min(0, low), low - air), Math.min(Math.max(1, high), high + air)];
}

function verticalAxis(range: Range, y: Scale, isShare: boolean): string {
  const ticks = niceTicks(range, 6);
  const labels = isShare ? ticks.map((tick) => percent(tick).replace('.0 ', ' ')) : tickLabels(ticks);
  return ticks
    .map(
      (tick, i) =>
        element('path', { class: 'grid', d: `M${AREA.left} ${round(y(tick))}H${AREA.right}` }) +
        textAt(AREA.left - 8, y(tick) + 4, labels[i]!, { class: 'muted', 'text-anchor': 'end' }),
    )
    .join('');
}

function horizontalAxis(range: Range, x: Scale, title: string): string {
  const ticks = niceTicks(range, 10, 1);
  const labels = tickLabels(ticks);
  return [
    element('path', { class: 'axis', d: `M${AREA.left} ${AREA.bottom}H${AREA.right}` }),
    ...ticks.map(
      (tick, i) =>
        element('path', { class: 'axis', d: `M${round(x(tick))} ${AREA.bottom}v4` }) +
        textAt(x(tick), AREA.bottom + 17, labels[i]!, { class: 'muted', 'text-anchor': 'middle' }),
    ),
    textAt((AREA.left + AREA.right) / 2, HEIGHT - 8, title, { class: 'muted', 'text-anchor': 'middle' }),
  ].join('');
}

/** The width of a character on average; the fonts of readers differ, so that it can only be about right. */
const CHARACTER_WIDTH = 6.2;

function legend(series: readonly PlotSeries[]): string {
  let left = AREA.left;
  const room = (AREA.right - AREA.left) / series.length - 34;
  return series
    .map(({ name, dashed, color }, i) => {
      const shown = cut(name, Math.max(4, Math.floor(room / CHARACTER_WIDTH)));
      const entry =
        element('path', { class: lineClass(color ?? i, dashed), d: `M${round(left)} 34h22` }) +
        textAt(left + 28, 38, shown);
      left += 44 + [...shown].length * CHARACTER_WIDTH;
      return entry;
    })
    .join('');
}

/** Vertical lines. Labels that would touch each other become one. */
function labelledMarks(marks: readonly PlotMark[], x: Scale): string[] {
  const sorted = [...marks].sort((a, b) => a.x - b.x);
  const labels: { text: string; center: number }[] = [];
  for (const mark of sorted) {
    const last = labels.at(-1);
    const touches =
      last && x(mark.x) - last.center < ((last.text.length + mark.label.length) / 2 + 1) * CHARACTER_WIDTH;
    if (!touches) labels.push({ text: mark.label, center: x(mark.x) });
    else if (!last.text.split(', ').includes(mark.label)) last.text += `, ${mark.label}`;
  }
  return [
    ...sorted.map((mark) =>
      element(
        'g',
        {},
        element('title', {}, escapeMarkup(mark.meaning)),
        element('path', { class: 'mark', d: `M${round(x(mark.x))} ${AREA.top - 4}V${AREA.bottom}` }),
      ),
    ),
    ...labels.map(({ text, center }) => {
      const half = (text.length * CHARACTER_WIDTH) / 2;
      const inside = Math.min(AREA.right - half, Math.max(AREA.left + half, center));
      return textAt(inside, AREA.top - 8, text, { class: 'muted', 'text-anchor': 'middle' });
    }),
  ];
}

function line({ name, points, dashed }: PlotSeries, color: number, x: Scale, y: Scale): string {
  let isDown = false;
  const path = points.map(([px, py]) => {
    if (!Number.isFinite(py)) {
      isDown = false;
      return '';
    }
    const command = `${isDown ? 'L' : 'M'}${round(x(px))} ${round(y(py))}`;
    isDown = true;
    return command;
  });
  const shown = points.filter(([, py]) => Number.isFinite(py));
  const dots = shown.length > MOST_DOTS ? [] : shown;
  return element(
    'g',
    {},
    element('title', {}, escapeMarkup(name)),
    element('path', { class: lineClass(color, dashed), d: path.join('') }),
    ...dots.map(([px, py]) =>
      element('circle', { class: `fill-${color % SERIES_COLORS}`, cx: x(px), cy: y(py), r: 2.5 }),
    ),
  );
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
