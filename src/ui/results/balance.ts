import type { BalancePreview, BalanceResult } from '../../core/data/balance/balance.js';
import { formatCount } from '../../core/base/text.js';
import { formatSplits } from '../terminal/format.js';
import { tableLines } from '../terminal/table.js';

/** What becomes of each class, as a table, and what it comes to. */
export function planLines({ classes, splits, warnings }: BalancePreview): string[] {
  const columns = ['class', 'original', 'kept', 'synthetic', 'augmented', 'total', 'copies'];
  const rows = classes.map(({ name, original, kept, synthetic, augmented, total, mostCopies }) => [
    name,
    ...[original, kept, synthetic, augmented, total, mostCopies].map(formatCount),
  ]);
  const table = tableLines(
    columns.map((title, i) => ({ title, numeric: i > 0 })),
    rows,
  );
  return [...table, '', `${formatSplits(splits)} (${sumLine({ classes })})`, ...warnings.map(noteLine)];
}

/** What was written. */
export function balanceLines(result: BalanceResult): string[] {
  const { out, splits, shard, written, seconds, resumed, html, warnings } = result;
  const made =
    written > 0
      ? `${formatCount(written)} images in ${seconds.toFixed(1)} s (${formatCount(Math.round(written / seconds))} images/s)`
      : 'Nothing was left to be made';
  return [
    shard
      ? `${out}: shard ${shard.index} of ${shard.count}; join all with "roble data:merge"`
      : `${out}: ${formatSplits(splits)} (train: ${sumLine(result)})`,
    `${made}${resumed > 0 ? `; ${formatCount(resumed)} were there from before` : ''}`,
    ...(html === undefined ? [] : [`Report: ${html}`]),
    ...warnings.map(noteLine),
  ];
}

function sumLine({ classes }: Pick<BalancePreview, 'classes'>): string {
  const sum = (key: 'kept' | 'synthetic' | 'augmented') =>
    formatCount(classes.reduce((total, plan) => total + plan[key], 0));
  return `${sum('kept')} kept, ${sum('synthetic')} synthetic, ${sum('augmented')} augmented`;
}

const noteLine = (text: string): string => `Note: ${text}`;
