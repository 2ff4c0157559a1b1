import type { LearningRateTest } from '../../core/learning/tuning/find-learning-rate.js';
import { lineChart } from '../terminal/charts.js';

const HEIGHT = 18;

const RATES_ENDED: Readonly<Record<LearningRateTest['ended'], string>> = {
  'last-rate': 'The largest rate was reached.',
  diverged: 'The test ended when the loss had risen to four times its minimum.',
  'not-finite': 'The test ended when the loss or the weights were no finite numbers any more.',
};

/** A learning rate range test for people: the curve, the suggestion and its reason. */
export function learningRateLines(
  { points, ended, suggestion }: LearningRateTest,
  { width, color }: { width: number; color: boolean },
): string[] {
  const series = [
    { name: 'loss', points: points.map(({ learningRate, loss }) => [learningRate, loss] as const) },
    {
      name: 'smoothed',
      points: points.map(({ learningRate, smoothedLoss }) => [learningRate, smoothedLoss] as const),
    },
  ];
  const chart = lineChart(series, { width, height: HEIGHT, logX: true, color });
  const advice = suggestion
    ? [
        `Suggested learning rate: ${suggestion.learningRate.toPrecision(2)}`,
        suggestion.reason,
        'It is the largest rate of a schedule: let it rise to it (warm-up or one cycle) and fall again.',
      ]
    : ['The loss hardly fell, so that no rate can be suggested: try more --steps, or a larger --to-rate.'];
  return [...chart, '', ...advice, RATES_ENDED[ended]];
}
