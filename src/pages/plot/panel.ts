import { cut, element, escapeMarkup, textAt } from '../kit/html.js';
import { LIGHT, lineClass, plotStyle } from '../kit/theme.js';

/** One plot: its size in pixels and its drawing, whose origin is the top left corner. */
export interface Panel {
  /** What it shows, also for those who cannot see it. */
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** SVG elements. */
  readonly drawing: string;
}

/** The width of half a figure; plots are as wide, or twice as wide and the gap. */
export const PANEL_WIDTH = 470;
const GAP = 20;
export const WIDE_PANEL_WIDTH = 2 * PANEL_WIDTH + GAP;
const HEADING_HEIGHT = 44;

/** A plot for an HTML page that has the style sheet of the plots. */
export function inlineSvg({ title, width, height, drawing }: Panel): string {
  return element(
    'svg',
    { class: 'plot', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title },
    drawing,
  );
}

/** All plots in one picture that stands alone, two narrow ones in a row, under a heading. */
export function standaloneSvg(heading: string, panels: readonly Panel[]): string {
  let [x, y, rowHeight] = [0, HEADING_HEIGHT, 0];
  const placed = panels.map((panel) => {
    if (x > 0 && x + panel.width > WIDE_PANEL_WIDTH) [x, y, rowHeight] = [0, y + rowHeight + GAP, 0];
    const group = element('g', { transform: `translate(${GAP + x},${y})` }, panel.drawing);
    x += panel.width + GAP;
    rowHeight = Math.max(rowHeight, panel.height);
    return group;
  });
  const [width, height] = [WIDE_PANEL_WIDTH + 2 * GAP, y + rowHeight + GAP];
  return element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', class: 'plot', width, height, viewBox: `0 0 ${width} ${height}` },
    element('title', {}, escapeMarkup(heading)),
    element('style', {}, escapeMarkup(plotStyle(LIGHT)).replaceAll('&quot;', '"')),
    element('rect', { class: 'background', width, height }),
    textAt(GAP, 28, heading, { class: 'title', style: 'font-size:17px' }),
    ...placed,
  );
}

export interface KeyEntry {
  readonly label: string;
  /** The colour of the line that it names; undefined of a text that names no line. */
  readonly color?: number;
  readonly dashed?: boolean;
}

const COLUMNS = 3;
const ROW = 20;
const LONGEST = 42;

/** The key of several plots: what their lines, or their marks, stand for. */
export function keyPanel(entries: readonly KeyEntry[]): Panel {
  const drawing = entries.map(({ label, color, dashed }, i) => {
    const left = ((i % COLUMNS) * WIDE_PANEL_WIDTH) / COLUMNS;
    const y = (Math.floor(i / COLUMNS) + 0.5) * ROW;
    if (color === undefined) return textAt(left, y + 4, cut(label, LONGEST));
    return (
      element('path', { class: lineClass(color, dashed), d: `M${left.toFixed(2)} ${y}h22` }) +
      textAt(left + 28, y + 4, cut(label, LONGEST))
    );
  });
  return {
    title: `Key: ${entries.map(({ label }) => label).join(', ')}`,
    width: WIDE_PANEL_WIDTH,
    height: Math.ceil(entries.length / COLUMNS) * ROW,
    drawing: drawing.join(''),
  };
}
