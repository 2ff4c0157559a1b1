import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { newestRun } from '../../learning/training/run/folder.js';
import { judgeKpi, type KpiResult, type Measurements } from './judge.js';
import { measureLoad, measureRun } from './measure-from-files.js';
import { measurePrometheus, type PrometheusSource } from './measure-prometheus.js';
import { type KpiName, type Kpis, kpisSchema } from './settings.js';

export interface ReportKpisOptions {
  /** The targets. */
  readonly kpis: Kpis;
  /** Folder of the training runs; the newest is looked at. */
  readonly runs: string;
  /** A run folder or a history file instead. */
  readonly run?: string | undefined;
  /** Where latency and availability are from: the output of `roble serve:bench --json`, or a Prometheus. */
  readonly service?: { readonly load: string } | { readonly prometheus: PrometheusSource } | undefined;
}

/** The indicators of a project beside their targets. Plain data. */
export interface KpiReport {
  readonly kpis: readonly KpiResult[];
  /** When they were compared; ISO 8601. */
  readonly time: string;
}

/**
 * Compares what was measured with the targets of the configuration. Only what has a target is looked for.
 *
 * @throws {RobleError} `ROBLE_KPIS_MISSING` without a target; `ROBLE_HISTORY_INVALID`, `ROBLE_LOAD_INVALID`,
 *   `ROBLE_FILE_NOT_FOUND`, `ROBLE_SERVER_UNREACHABLE`
 * @example
 * const { kpis } = await reportKpis({ kpis: { accuracy: 0.85 }, runs: 'runs' });
 * kpis[0].status; // 'met', 'missed' or 'not-measured'
 */
export async function reportKpis(options: ReportKpisOptions, context: Context = {}): Promise<KpiReport> {
  const { kpis } = options;
  const targets = (Object.keys(kpisSchema.shape) as KpiName[]).flatMap((name) => {
    const target = kpis[name];
    return target === undefined ? [] : [[name, target] as const];
  });
  if (targets.length === 0) throw noTargets();
  const measured: Measurements = {
    ...(kpis.accuracy !== undefined || kpis.secondsPerEpoch !== undefined
      ? await ofRun(options, context)
      : {}),
    ...(kpis.latencyP99Ms !== undefined || kpis.availability !== undefined
      ? await ofService(options, context)
      : {}),
  };
  return {
    kpis: targets.map(([name, target]) => judgeKpi(name, target, measured[name]!)),
    time: new Date().toISOString(),
  };
}

async function ofRun({ runs, run }: ReportKpisOptions, context: Context): Promise<Measurements> {
  if (run !== undefined) return measureRun(run, context);
  const newest = await newestRun(runs).catch((error) => {
    if (RobleError.from(error).code !== 'ROBLE_FILE_NOT_FOUND') throw error;
  });
  if (newest !== undefined) return measureRun(newest, context);
  const missing = { missing: `there is no run in ${runs}` };
  return { accuracy: missing, secondsPerEpoch: missing };
}

async function ofService({ service }: ReportKpisOptions, context: Context): Promise<Measurements> {
  if (!service) {
    const missing = { missing: 'neither --load nor --prometheus was given' };
    return { latencyP99Ms: missing, availability: missing };
  }
  if ('load' in service) return measureLoad(service.load, context);
  return measurePrometheus(service.prometheus, context);
}

function noTargets(): RobleError {
  return new RobleError('ROBLE_KPIS_MISSING', 'The configuration has no targets to compare with.', {
    expected: `one or more of ${Object.keys(kpisSchema.shape).join(', ')} under "kpis"`,
    nextSteps: [
      'Write into roble.config.yaml, with numbers of yours:\nkpis:\n  accuracy: 0.85\n  latencyP99Ms: 150',
    ],
  });
}
