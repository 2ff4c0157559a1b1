import type { Context } from '../../base/context.js';
import { endOf } from '../../learning/analysis/findings/outcome.js';
import { loadRuns } from '../../learning/history/load-runs.js';
import { bestEpoch, monitorOf } from '../../learning/history/metrics.js';
import { metricOf, numberSetting, type RecordedRun } from '../../learning/history/recorded-run.js';
import type { Measurements } from './judge.js';

/**
 * What the history of a run tells: the validation accuracy of the epoch that was exported, and the median time of an
 * epoch, which an epoch that was interrupted does not move.
 *
 * @param path a run folder or a history file
 * @throws {RobleError} `ROBLE_HISTORY_INVALID`, `ROBLE_FILE_NOT_FOUND`
 */
export async function measureRun(path: string, context: Context): Promise<Measurements> {
  const [run] = await loadRuns([path], context);
  return { accuracy: accuracyOf(run!), secondsPerEpoch: secondsPerEpoch(run!) };
}

function accuracyOf(run: RecordedRun) {
  const best = bestEpoch(run.epochs, monitorOf(run));
  const value = metricOf(best, 'valAccuracy');
  if (best === undefined) return { missing: `${run.path} has no complete epoch` };
  if (value === undefined) return { missing: `${run.path} records no valAccuracy` };
  return { value, source: `${run.path}, epoch ${best.epoch} of ${epochsText(run)}` };
}

function secondsPerEpoch(run: RecordedRun) {
  const seconds = run.epochs
    .flatMap((epoch) => {
      const training = metricOf(epoch, 'trainSeconds');
      return training === undefined ? [] : [training + (metricOf(epoch, 'evaluationSeconds') ?? 0)];
    })
    .sort((a, b) => a - b);
  if (seconds.length === 0) return { missing: `${run.path} records no time of an epoch` };
  const [below, above] = [seconds[(seconds.length - 1) >> 1]!, seconds[seconds.length >> 1]!];
  return { value: (below + above) / 2, source: `${run.path}, median of ${epochsText(run)}` };
}

/** How many epochs there are; of a run that is not complete, how many it was to have. */
function epochsText(run: RecordedRun): string {
  const planned = numberSetting(run, 'train.epochs');
  const end = endOf(run)?.event;
  const isOver = run.format !== 'roble' || end === 'completed' || end === 'stopped-early';
  return `${run.epochs.length}${isOver || planned === undefined ? '' : ` (not complete: ${planned} planned)`}`;
}
