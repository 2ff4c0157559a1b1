import { formatCount } from '../../core/base/text/text.js';
import type { BatchSizeTest } from '../../core/learning/tuning/find-batch-size.js';
import type { LearningRateTest } from '../../core/learning/tuning/find-learning-rate.js';
import { lineChart } from '../terminal/charts.js';
import { numeric, tableLines } from '../terminal/format.js';

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

const SIZES_ENDED: Readonly<Record<BatchSizeTest['ended'], string>> = {
  'largest-size': '',
  'out-of-memory': 'The next size did not fit into the memory.',
  'too-slow': 'Larger sizes were left out, since a step took too long.',
};

/** Throughputs by batch size for people, the suggestion and its reasons. */
export function batchSizeLines({ points, ended, configured, suggestion }: BatchSizeTest): string[] {
  const columns = [numeric('Batch size'), numeric('Step (ms)'), numeric('Images/s')];
  const rows = points.map(({ batchSize, stepMs, imagesPerSecond }) => [
    formatCount(batchSize),
    stepMs.toFixed(1),
    formatCount(Math.round(imagesPerSecond)),
  ]);
  const { batchSize, learningRateFactor, reason, learningRateReason } = suggestion;
  const scaling =
    batchSize === configured
      ? []
      : [
          `Multiply the learning rate by ${learningRateFactor.toPrecision(2)}, if it was right for ${formatCount(configured)}. ${learningRateReason}`,
        ];
  return [
    ...tableLines(columns, rows),
    ...(SIZES_ENDED[ended] ? [SIZES_ENDED[ended]] : []),
    '',
    `Suggested batch size: ${formatCount(batchSize)}`,
    reason,
    ...scaling,
  ];
}
