import { formatCount } from '../../core/base/text/text.js';
import type { BalancePreview, BalanceResult } from '../../core/data/balance/balance.js';
import type { ReplayedSample } from '../../core/data/balance/replay.js';
import { formatSplits, tableLines } from '../terminal/format.js';

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
export function balanceLines(result: BalanceResult & { readonly html?: string }): string[] {
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

/** How a sample was made, step by step; that it is shown says that it was made again and is the same. */
export function replayLines({
  sample,
  label,
  provenance,
}: Pick<ReplayedSample, 'sample' | 'label' | 'provenance'>): string[] {
  const { source, origin, copy, sha256 } = provenance;
  const where = `${source}${origin === undefined ? '' : ` of ${origin}`}`;
  if (!copy) return [`${sample} (${label}): the original ${where}, SHA-256 ${sha256}`];
  const partner =
    copy.partner === undefined ? [] : [`  blended with the original of SHA-256 ${copy.partner}`];
  return [
    `${sample} (${label}): copy ${copy.number} of ${where}`,
    ...copy.operations.map(({ name, version, values }) => {
      const drawn = Object.entries(values).map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`);
      return `  ${name} ${version}: ${drawn.join(', ') || 'nothing drawn'}`;
    }),
    ...partner,
    `  made again: SHA-256 ${sha256}, the same`,
  ];
}
