import type { TrainOptions } from '../../config/schema.js';
import { type EpochRecord, MONITORS, type Monitor } from '../../history/record.js';

/** How much better `record` is than `than` by a metric; positive: better. */
export function improvement(monitor: Monitor, record: EpochRecord, than: EpochRecord): number {
  const difference = record[monitor] - than[monitor];
  return MONITORS[monitor] === 'max' ? difference : -difference;
}

/** The best epoch, the first of equals; undefined without an epoch whose metric is a finite number. */
export function bestEpoch(epochs: readonly EpochRecord[], monitor: Monitor): EpochRecord | undefined {
  const usable = epochs.filter((record) => Number.isFinite(record[monitor]));
  return usable.reduce<EpochRecord | undefined>(
    (best, record) => (!best || improvement(monitor, record, best) > 0 ? record : best),
    undefined,
  );
}

/**
 * Why the run should end after these epochs; undefined: it should not. A function of the epochs alone, so that a
 * resumed run is as patient as one that was never touched. Epochs before `minEpochs` count for the patience (Prechelt
 * 1998), but do not end the run.
 */
export function stoppingReason(
  epochs: readonly EpochRecord[],
  monitor: Monitor,
  { patience, minDelta, minEpochs }: TrainOptions['earlyStopping'],
): string | undefined {
  const [first, ...rest] = epochs;
  if (patience === 0 || !first || epochs.length < minEpochs) return undefined;
  let best = first;
  let waited = 0;
  for (const record of rest) {
    const isBetter = improvement(monitor, record, best) > minDelta;
    waited = isBetter ? 0 : waited + 1;
    if (isBetter) best = record;
  }
  if (waited < patience) return undefined;
  return `${monitor} has not improved by more than ${minDelta} for ${waited} epochs, since ${best[monitor].toFixed(4)} in epoch ${best.epoch}`;
}
