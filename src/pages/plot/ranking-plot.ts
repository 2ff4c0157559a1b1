import type { RunComparison } from '../../core/learning/analysis/compare-runs.js';
import { isShare, metricText } from '../../core/learning/history/metrics.js';
import { cut, element, escapeMarkup, textAt } from '../kit/html.js';
import { linearScale, niceTicks, rangeOf, tickLabels } from './axis.js';
import { type Panel, WIDE_PANEL_WIDTH } from './panel.js';

const ROW = 30;
const AREA = { left: 300, right: WIDE_PANEL_WIDTH - 110, top: 40 };
const LONGEST_LABEL = 44;

/** The groups of a comparison, best on top: a dot for each seed, a line over mean and standard deviation. */
export function rankingPlot({ groups, metric }: RunComparison): Panel | undefined {
  const ends = groups.flatMap(({ seeds, mean, standardDeviation }) => [
    ...seeds.map(({ value }) => value),
    mean - (standardDeviation ?? 0),
    mean + (standardDeviation ?? 0),
  ]);
  if (ends.length === 0) return undefined;
  const range = rangeOf(ends);
  const x = linearScale(range, AREA.left, AREA.right);
  const bottom = AREA.top + groups.length * ROW;
  const ticks = niceTicks(range, 8);
  const labels = isShare(metric) ? ticks.map((tick) => metricText(metric, tick)) : tickLabels(ticks);
  return {
    title: `Ranking by ${metric}`,
    width: WIDE_PANEL_WIDTH,
    height: bottom + 30,
    drawing: [
      textAt(0, 16, `Ranking by ${metric}`, { class: 'title' }),
      ...ticks.map(
        (tick, i) =>
          element('path', { class: 'grid', d: `M${x(tick).toFixed(2)} ${AREA.top}V${bottom}` }) +
          textAt(x(tick), bottom + 17, labels[i]!, { class: 'muted', 'text-anchor': 'middle' }),
      ),
      ...groups.map((group, i) => row(group, metric, x, AREA.top + (i + 0.5) * ROW)),
    ].join(''),
  };
}

function row(
  { label, seeds, mean, standardDeviation }: RunComparison['groups'][number],
  metric: string,
  x: (value: number) => number,
  y: number,
): string {
  const deviation = standardDeviation ?? 0;
  return [
    textAt(AREA.left - 16, y + 4, cut(label, LONGEST_LABEL), { 'text-anchor': 'end' }),
    element('line', {
      class: 'line stroke-0',
      x1: x(mean - deviation),
      x2: x(mean + deviation),
      y1: y,
      y2: y,
    }),
    element('line', { class: 'line stroke-0', x1: x(mean), x2: x(mean), y1: y - 9, y2: y + 9 }),
    ...seeds.map(({ seed, value }) =>
      element(
        'g',
        {},
        element('title', {}, escapeMarkup(`seed ${seed ?? 'unknown'}: ${metricText(metric, value)}`)),
        element('circle', { class: 'fill-1', cx: x(value), cy: y, r: 4, 'fill-opacity': 0.8 }),
      ),
    ),
    textAt(AREA.right + 16, y + 4, metricText(metric, mean)),
  ].join('');
}
