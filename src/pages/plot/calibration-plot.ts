import { percent, points } from '../../core/base/text/text.js';
import type { EvaluationReport } from '../../core/learning/history/record.js';
import { element, escapeMarkup, textAt } from '../kit/html.js';
import { PANEL_WIDTH, type Panel } from './panel.js';

const SIDE = 330;
const AREA = { left: 62, top: 56 };
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1];

/**
 * A reliability diagram (Murphy and Winkler 1977; Guo et al. 2017): a dot for each bin of predictions, larger the
 * more there are, at their mean confidence and their accuracy. On the diagonal, probabilities mean what they say.
 */
export function calibrationPlot({
  calibration,
  expectedCalibrationError,
}: Pick<EvaluationReport, 'calibration' | 'expectedCalibrationError'>): Panel {
  const x = (value: number) => AREA.left + value * SIDE;
  const y = (value: number) => AREA.top + (1 - value) * SIDE;
  const most = Math.max(1, ...calibration.map(({ count }) => count));
  const bins = calibration.filter(({ count }) => count > 0);
  const title = 'Calibration';
  return {
    title,
    width: PANEL_WIDTH,
    height: AREA.top + SIDE + 44,
    drawing: [
      textAt(0, 16, title, { class: 'title' }),
      textAt(
        AREA.left,
        38,
        `off by ${points(expectedCalibrationError)} on average; above the line: too unsure`,
      ),
      ...TICKS.map(
        (tick) =>
          element('path', {
            class: 'grid',
            d: `M${AREA.left} ${y(tick)}h${SIDE}M${x(tick)} ${AREA.top}v${SIDE}`,
          }) +
          textAt(AREA.left - 8, y(tick) + 4, `${tick * 100} %`, { class: 'muted', 'text-anchor': 'end' }) +
          textAt(x(tick), AREA.top + SIDE + 17, `${tick * 100} %`, {
            class: 'muted',
            'text-anchor': 'middle',
          }),
      ),
      element('path', { class: 'mark', d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}` }),
      ...bins.map(({ count, confidence, accuracy }) =>
        element(
          'g',
          {},
          element(
            'title',
            {},
            escapeMarkup(`${count} predictions, ${percent(confidence)} sure, ${percent(accuracy)} right`),
          ),
          element('line', {
            class: 'gap',
            x1: x(confidence),
            x2: x(confidence),
            y1: y(confidence),
            y2: y(accuracy),
          }),
          element('circle', {
            class: 'fill-0',
            cx: x(confidence),
            cy: y(accuracy),
            r: 2.5 + 6.5 * Math.sqrt(count / most),
          }),
        ),
      ),
      textAt(AREA.left + SIDE / 2, AREA.top + SIDE + 36, 'confidence', {
        class: 'muted',
        'text-anchor': 'middle',
      }),
      textAt(0, 0, 'accuracy', {
        class: 'muted',
        'text-anchor': 'middle',
        transform: `translate(14,${AREA.top + SIDE / 2}) rotate(-90)`,
      }),
    ].join(''),
  };
}
