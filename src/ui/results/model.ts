import { formatCount } from '../../core/base/text/text.js';
import { formatShape } from '../../core/model/network.js';
import type { ModelSummary } from '../../core/model/summary.js';
import { numeric, tableLines } from '../terminal/format.js';

/** A summary as a table, with the totals below. */
export function summaryLines({
  input,
  classes,
  layers,
  parameters,
  statistics,
  multiplyAdds,
}: ModelSummary): string[] {
  const count = (value: number) => (value === 0 ? '-' : formatCount(value));
  const rows = layers.map((layer) => [
    `${'  '.repeat(layer.depth)}${layer.name}`,
    layer.type,
    formatShape(layer.output),
    count(layer.parameters),
    count(layer.multiplyAdds),
  ]);
  const columns = [
    { title: 'Layer' },
    { title: 'Type' },
    { title: 'Output' },
    numeric('Parameters'),
    numeric('Multiply-adds'),
  ];
  return [
    `Input ${input.height}x${input.width}x${input.channels} (height, width, channels), ${classes} classes`,
    '',
    ...tableLines(columns, rows),
    '',
    `Parameters     ${formatCount(parameters)} (${formatMegabytes(parameters + statistics)} as float32, with ${formatCount(statistics)} running statistics)`,
    `Multiply-adds  ${formatCount(multiplyAdds)} for one image; a training step takes about three times as many`,
  ];
}

/** The size of that many float32 values. */
function formatMegabytes(values: number): string {
  return `${((values * 4) / 1e6).toFixed(2)} MB`;
}
