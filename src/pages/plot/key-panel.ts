import { cut, element, textAt } from '../kit/element.js';
import { lineClass } from '../kit/theme.js';
import { type Panel, WIDE_PANEL_WIDTH } from './panel.js';

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
