import { z } from 'zod';
import type { Context } from '../../base/context.js';
import { checkedJson } from '../../base/schema/checked.js';
import { readTextFile } from '../../base/storage/text-file.js';
import { short } from '../../base/text/text.js';
import { endOf } from '../../learning/analysis/findings/outcome.js';
import { loadRuns } from '../../learning/history/load-runs.js';
import { bestEpoch, monitorOf } from '../../learning/history/metrics.js';
import { metricOf, numberSetting, type RecordedRun } from '../../learning/history/recorded-run.js';
import type { Measured, Measurements } from './judge.js';

/** What is read of the output of `serve:bench --json`. */
const loadSchema = z.object({
  ok: z.literal(true, { message: 'expected a load test that succeeded' }),
  result: z.object({
    url: z.string(),
    batch: z.int().positive(),
    measurement: z.object({
      load: z.object({ loop: z.enum(['open', 'closed']), ratePerSecond: z.number().optional() }),
      sent: z.int().gte(0),
      dropped: z.int().gte(0),
      failed: z.int().gte(0),
      statuses: z.record(z.string(), z.int().gte(0)),
      latencyMs: z.object({ p99: z.number() }).nullable(),
      keptRate: z.boolean(),
    }),
  }),
});
type LoadResult = z.output<typeof loadSchema>['result'];

/**
 * What a load test measured: the 99th percentile of the latency, and the share of requests with an answer that is no
 * failure of the server.
 *
 * @param file the output of `roble serve:bench --json`
 * @throws {RobleError} `ROBLE_LOAD_INVALID`, `ROBLE_FILE_NOT_FOUND`
 */
export async function measureLoad(file: string, { reporter }: Context): Promise<Measurements> {
  const text = await readTextFile(file, { code: 'ROBLE_LOAD_INVALID' });
  const { result } = checkedJson(loadSchema, text, 'ROBLE_LOAD_INVALID', file);
  if (!result.measurement.keptRate)
    reporter?.report({
      type: 'warning',
      message: `${file}: the generator could not keep its rate; the figures say little of the server.`,
    });
  return { latencyP99Ms: latency(result, file), availability: availability(result, file) };
}

function latency({ batch, measurement: { load, latencyMs } }: LoadResult, file: string): Measured {
  if (batch > 1) return { missing: `${file} measured /predict/batch` };
  if (load.loop === 'closed') return { missing: `${file} is of a closed loop, which hides waiting` };
  if (!latencyMs) return { missing: `${file} has no request that was accepted` };
  const rate = load.ratePerSecond === undefined ? '' : ` at ${short(load.ratePerSecond)} requests/s`;
  return { value: latencyMs.p99, source: `${file}${rate}` };
}

function availability({ url, measurement }: LoadResult, file: string): Measured {
  const { sent, dropped, failed, statuses } = measurement;
  const due = sent + dropped;
  if (due === 0) return { missing: `${file} has no request` };
  const refused = Object.entries(statuses).filter(([status]) => status.startsWith('5'));
  const bad = dropped + failed + refused.reduce((sum, [, count]) => sum + count, 0);
  return { value: 1 - bad / due, source: `${file}, ${due} requests to ${url}` };
}

/**
 * What the history of a run shows: the validation accuracy of the epoch that was exported, and the median time of an
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
