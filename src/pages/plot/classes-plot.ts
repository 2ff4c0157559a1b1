import { cut, element, escapeMarkup, textAt } from '../kit/element.js';
import { percent } from '../../core/learning/history/number-text.js';
import type { EvaluationReport } from '../../core/learning/history/record.js';
import { PANEL_WIDTH, type Panel } from './panel.js';

/** Classes that are shown. */
const MOST = 15;
const ROW = 24;
const AREA = { left: 110, right: PANEL_WIDTH - 60, top: 48 };
const LONGEST_LABEL = 15;

/** The recall of the classes that are known worst, the worst on top. */
export function classesPlot({ perClass }: Pick<EvaluationReport, 'perClass'>): Panel | undefined {
  const known = perClass.flatMap(({ label, support, recall }) =>
    recall === null ? [] : [{ label, support, recall }],
  );
  if (known.length === 0) return undefined;
  const shown = known.sort((a, b) => a.recall - b.recall).slice(0, MOST);
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
          textAt(AREA.left - 8, y + 16, cut(label, LONGEST_LABEL), { 'text-anchor': 'end' }),
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
