import { bestBy, candidateValue } from '../../history/metrics.js';
import { type EpochRecord, MONITORS, type Monitor } from '../../history/record.js';
import type { TrainOptions } from '../../settings.js';

/** How much better `record` is than `than` by a metric; positive: better. */
function improvement(monitor: Monitor, record: EpochRecord, than: EpochRecord): number {
  const difference = record[monitor] - than[monitor];
  return MONITORS[monitor] === 'max' ? difference : -difference;
}

/** The best epoch, the first of equals; undefined without an epoch whose metric and validation loss are finite numbers. */
export function bestEpoch(epochs: readonly EpochRecord[], monitor: Monitor): EpochRecord | undefined {
  return bestBy(epochs, (record) => candidateValue({ ...record }, monitor), MONITORS[monitor]);
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
  if (patience === 0 || epochs.length < minEpochs) return undefined;
  let best: EpochRecord | undefined;
  let waited = 0;
  for (const record of epochs) {
    // A metric that is no number is no improvement.
    const isUsable = candidateValue({ ...record }, monitor) !== undefined;
    const isBetter = isUsable && (!best || improvement(monitor, record, best) > minDelta);
    waited = isBetter ? 0 : waited + 1;
    if (isBetter) best = record;
  }
  if (waited < patience) return undefined;
  const since = best ? `, since ${best[monitor].toFixed(4)} in epoch ${best.epoch}` : '';
  return `${monitor} has not improved by more than ${minDelta} for ${waited} epochs${since}`;
}

/** How a run with these epochs ends; undefined: it goes on. */
export function endOf(epochs: readonly EpochRecord[], train: TrainOptions) {
  if (epochs.length >= train.epochs) return { stopped: 'completed', reason: undefined } as const;
  const reason = stoppingReason(epochs, train.monitor, train.earlyStopping);
  return reason === undefined ? undefined : ({ stopped: 'stopped-early', reason } as const);
}
