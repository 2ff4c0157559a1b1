import { percent } from '../../core/base/text/text.js';
import type { EvaluationReport } from '../../core/learning/history/record.js';
import { cut, element, escapeMarkup, textAt } from '../kit/html.js';
import { PANEL_WIDTH, type Panel, WIDE_PANEL_WIDTH } from './panel.js';

type ConfusionTable = Pick<EvaluationReport, 'classes' | 'confusion'>;

/** More classes need the whole width of a figure. */
const NARROW_CLASSES = 24;
/** More classes than these cannot be told apart; those with the most mistakes are shown. */
const MOST_CLASSES = 100;
/** Up to this many classes, there is room for the counts. */
const COUNTED_CLASSES = 12;
const MOST_LABEL = 10;

/**
 * Which classes are mistaken for which: rows are true classes, columns predicted ones, the strength of a colour the share of
 * its row. Mistakes are drawn by the root of their share, or the rare ones would not be seen.
 */
export function confusionPlot(report: ConfusionTable): Panel {
  const shown = shownClasses(report);
  const width = shown.length <= NARROW_CLASSES ? PANEL_WIDTH : WIDE_PANEL_WIDTH;
  const labels = shown.map((index) => cut(report.classes[index]!, MOST_LABEL));
  const label = Math.max(...labels.map((text) => [...text].length));
  const left = 34 + label * 6.5;
  const top = 34 + (label > 3 ? label * 6.5 : 14);
  const cell = Math.min(36, (width - left - 4) / shown.length);
  const font = Math.min(11, cell * 0.95);
  const title =
    shown.length < report.classes.length
      ? `Confusion, the ${shown.length} of ${report.classes.length} classes with the most mistakes`
      : 'Confusion';
  const middle = (i: number) => (i + 0.5) * cell;
  const rowLabels = labels.map((text, i) =>
    textAt(left - 6, top + middle(i) + font * 0.35, text, { 'text-anchor': 'end', 'font-size': font }),
  );
  const columnLabels = labels.map((text, i) =>
    label > 3
      ? textAt(0, 0, text, {
          'font-size': font,
          transform: `translate(${(left + middle(i) + font * 0.35).toFixed(2)},${top - 5}) rotate(-90)`,
        })
      : textAt(left + middle(i), top - 6, text, { 'text-anchor': 'middle', 'font-size': font }),
  );
  const side = cell * shown.length;
  return {
    title,
    width,
    height: top + side + 26,
    drawing: [
      textAt(0, 16, title, { class: 'title' }),
      element('rect', { class: 'grid', x: left, y: top, width: side, height: side }),
      ...cells(report, shown).map((drawn) =>
        cellMark(drawn, left, top, cell, shown.length <= COUNTED_CLASSES),
      ),
      ...rowLabels,
      ...columnLabels,
      textAt(0, 0, 'true class', {
        class: 'muted',
        'text-anchor': 'middle',
        transform: `translate(12,${(top + side / 2).toFixed(2)}) rotate(-90)`,
      }),
      textAt(left + side / 2, top + side + 18, 'predicted class', {
        class: 'muted',
        'text-anchor': 'middle',
      }),
    ].join(''),
  };
}

/** The classes that are shown, as indices in their order. */
function shownClasses({ classes, confusion }: ConfusionTable): number[] {
  const all = classes.map((_, index) => index);
  if (all.length <= MOST_CLASSES) return all;
  const mistakes = new Float64Array(classes.length);
  for (const [label, predicted, count] of confusion) {
    if (label === predicted) continue;
    mistakes[label]! += count;
    mistakes[predicted]! += count;
  }
  const worst = [...all].sort((a, b) => mistakes[b]! - mistakes[a]!).slice(0, MOST_CLASSES);
  return worst.sort((a, b) => a - b);
}

interface Cell {
  readonly row: number;
  readonly column: number;
  readonly count: number;
  readonly share: number;
  readonly meaning: string;
}

function cells({ classes, confusion }: ConfusionTable, shown: readonly number[]): Cell[] {
  const positions = new Map(shown.map((index, position) => [index, position]));
  const support = new Float64Array(classes.length);
  for (const [label, , count] of confusion) support[label]! += count;
  return confusion.flatMap(([label, predicted, count]) => {
    const [row, column, all] = [positions.get(label), positions.get(predicted), support[label]!];
    if (row === undefined || column === undefined) return [];
    const share = count / all;
    const meaning = `"${classes[label]}" taken for "${classes[predicted]}": ${count} of ${all} (${percent(share)})`;
    return [{ row, column, count, share, meaning }];
  });
}

function cellMark(
  { row, column, count, share, meaning }: Cell,
  left: number,
  top: number,
  cell: number,
  counted: boolean,
): string {
  const [x, y] = [left + column * cell, top + row * cell];
  const isRight = row === column;
  // Half transparent at most: the counts must be readable on it, in light and dark.
  const strength = (isRight ? share : Math.sqrt(share)) * (counted ? 0.55 : 0.95);
  return element(
    'g',
    {},
    element('title', {}, escapeMarkup(meaning)),
    element('rect', {
      class: isRight ? 'right' : 'wrong',
      x,
      y,
      width: cell,
      height: cell,
      'fill-opacity': Math.max(0.12, strength),
    }),
    ...(counted ? [textAt(x + cell / 2, y + cell / 2 + 4, String(count), { 'text-anchor': 'middle' })] : []),
  );
}

/** Classes whose recall is shown. */
const MOST_ROWS = 15;
const ROW = 24;
const AREA = { left: 110, right: PANEL_WIDTH - 60, top: 48 };
const LONGEST_ROW_LABEL = 15;

/** The recall of the classes with the lowest recall, the worst on top. */
export function classesPlot({ perClass }: Pick<EvaluationReport, 'perClass'>): Panel | undefined {
  const known = perClass.flatMap(({ label, support, recall }) =>
    recall === null ? [] : [{ label, support, recall }],
  );
  if (known.length === 0) return undefined;
  const shown = known.sort((a, b) => a.recall - b.recall).slice(0, MOST_ROWS);
  const title =
    shown.length < perClass.length ? `Recall of the ${shown.length} weakest classes` : 'Recall of each class';
  const bottom = AREA.top + shown.length * ROW;
  const x = (share: number) => AREA.left + share * (AREA.right - AREA.left);
  return {
    title,
    width: PANEL_WIDTH,
    height: bottom + 26,
    drawing: [
      textAt(0, 16, title, { class: 'title' }),
      ...[0, 0.25, 0.5, 0.75, 1].map(
        (tick) =>
          element('path', { class: 'grid', d: `M${x(tick)} ${AREA.top}V${bottom}` }) +
          textAt(x(tick), bottom + 17, `${tick * 100} %`, { class: 'muted', 'text-anchor': 'middle' }),
      ),
      ...shown.map(({ label, support, recall }, i) => {
        const y = AREA.top + i * ROW;
        return element(
          'g',
          {},
          element('title', {}, escapeMarkup(`"${label}": ${percent(recall)} of ${support}`)),
          textAt(AREA.left - 8, y + 16, cut(label, LONGEST_ROW_LABEL), { 'text-anchor': 'end' }),
          element('rect', {
            class: 'fill-0',
            x: AREA.left,
            y: y + 4,
            width: x(recall) - AREA.left,
            height: ROW - 8,
          }),
          textAt(x(recall) + 6, y + 16, percent(recall), { class: 'muted' }),
        );
      }),
    ].join(''),
  };
}
