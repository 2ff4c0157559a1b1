import { formatCount } from '../../core/base/text.js';
import type { BatchSizeTest } from '../../core/learning/tuning/find-batch-size.js';
import { tableLines } from '../terminal/table.js';

const SIZES_ENDED: Readonly<Record<BatchSizeTest['ended'], string>> = {
  'largest-size': '',
  'out-of-memory': 'The next size did not fit into the memory.',
  'too-slow': 'Larger sizes were left out, since a step took too long.',
};

/** Throughputs by batch size for people, the suggestion and its reasons. */
export function batchSizeLines({ points, ended, configured, suggestion }: BatchSizeTest): string[] {
  const columns = [
    { title: 'Batch size', numeric: true },
    { title: 'Step (ms)', numeric: true },
    { title: 'Images/s', numeric: true },
  ];
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
