import { countOf, formatCount, short } from '../../core/base/text/text.js';
import type { QuantizeResult } from '../../core/learning/quantization/quantize.js';
import { numeric, tableLines } from '../terminal/format.js';

/** What a quantized model is worth beside the one with floats, as a table. */
export function quantizationLines({
  bundle,
  from,
  layers,
  calibration,
  accuracy,
  bytes,
  speed,
}: QuantizeResult): string[] {
  const images = (rate: number) => `${formatCount(Math.round(rate))}/s`;
  const rows = [
    ['Accuracy', exactPercent(accuracy.before), exactPercent(accuracy.after), difference(accuracy)],
    ['model.onnx', kilobytes(bytes.before), kilobytes(bytes.after), times(bytes.before / bytes.after)],
    ...speed.map(({ batchSize, before, after, ratio }) => [
      `Images a second, ${batchSize} at a time`,
      ...[images(before), images(after), times(ratio)],
    ]),
  ];
  return [
    `${bundle}: ${layers.quantized} of ${countOf(layers.all, 'convolution or dense layer', 'convolutions and dense layers')} with 8-bit integers`,
    '',
    ...tableLines([{ title: '' }, numeric('Before'), numeric('After'), numeric('')], rows),
    '',
    `Judged on ${countOf(accuracy.samples, 'sample')} of the split ${accuracy.split}: the same class for ${exactPercent(accuracy.agreement)} of them.`,
    `Calibrated on ${countOf(calibration.samples, 'sample')} of the split train. Speed on one thread, by processor time.`,
    `Made from ${from}.`,
  ];
}

function exactPercent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function difference({ before, after }: QuantizeResult['accuracy']): string {
  const points = 100 * (after - before);
  return `${points > 0 ? '+' : ''}${points.toFixed(2)} points`;
}

const times = (ratio: number) => `${short(Number(ratio.toPrecision(3)))} times`;
const kilobytes = (bytes: number) => `${formatCount(Math.round(bytes / 1000))} kB`;
