import type { ReplayedSample } from '../../core/data/balance/replay.js';

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
