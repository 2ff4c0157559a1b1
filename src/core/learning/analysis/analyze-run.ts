import { countOf } from '../../base/text/text.js';
import { bestEpoch, type MonitoredMetric, metricText, monitorOf } from '../history/metrics.js';
import type { EvaluationReport, HistoryEvent } from '../history/record.js';
import {
  curveOf,
  type HistoryFormat,
  metricNames,
  metricOf,
  numberSetting,
  type RecordedEpoch,
  type RecordedRun,
} from '../history/recorded-run.js';
import { type ClassPair, worstPairs } from './findings/classes.js';
import { findAll } from './findings/find-all.js';
import type { Finding } from './findings/finding.js';
import { endOf } from './findings/outcome.js';

/** Pairs of classes that an analysis lists. */
const LISTED_PAIRS = 20;

/** The results on the validation split, without the matrix that they were counted from. */
export type ClassResults = Omit<EvaluationReport, 'format' | 'version' | 'confusion'> & {
  readonly worstPairs: readonly ClassPair[];
};

/** What a run shows. Plain data. */
export interface RunAnalysis {
  readonly path: string;
  readonly name: string;
  readonly format: HistoryFormat;
  readonly monitor: MonitoredMetric;
  /** How the run ended; undefined when its history does not say. */
  readonly end?: HistoryEvent;
  /** Epochs that the run was to have. */
  readonly plannedEpochs?: number;
  readonly epochs: readonly RecordedEpoch[];
  /** The epoch whose model is exported; undefined without a complete epoch that has the monitored metric. */
  readonly best?: RecordedEpoch;
  readonly findings: readonly Finding[];
  readonly events: readonly HistoryEvent[];
  readonly evaluation?: ClassResults;
}

/** Looks at one run. */
export function analyzeRun(run: RecordedRun): RunAnalysis {
  const monitor = monitorOf(run);
  const best = bestEpoch(run.epochs, monitor);
  const [end, plannedEpochs] = [endOf(run), numberSetting(run, 'train.epochs')];
  return {
    path: run.path,
    name: run.name,
    format: run.format,
    monitor,
    ...(end && { end }),
    ...(plannedEpochs !== undefined && { plannedEpochs }),
    epochs: run.epochs,
    ...(best && { best }),
    findings: findAll({ run, monitor, best }),
    events: run.events,
    ...(run.evaluation && { evaluation: classResults(run.evaluation) }),
  };
}

function classResults(report: EvaluationReport): ClassResults {
  const { format: _format, version: _version, confusion: _confusion, ...results } = report;
  return { ...results, worstPairs: worstPairs(report, LISTED_PAIRS) };
}

/** What of an evaluation no epoch records. */
const EVALUATED = ['balancedAccuracy', 'foldedAccuracy', 'expectedCalibrationError'] as const;

/** The metrics by which a run is judged: those of its best epoch, and of the evaluation of its model. */
export function judgedMetrics({ epochs, best, evaluation }: RunAnalysis): Map<string, number | null> {
  const metrics = new Map<string, number | null>(
    metricNames(epochs).map((name) => [name, metricOf(best, name) ?? null]),
  );
  for (const name of EVALUATED) {
    const value = evaluation?.[name];
    if (value !== undefined) metrics.set(name, value);
  }
  return metrics;
}

/** A run in a sentence: how many epochs it had, how it ended, and its best epoch. */
export function runHeadline({ epochs, plannedEpochs, end, best, monitor, format }: RunAnalysis): string {
  const done = `${countOf(epochs.length, 'epoch')}${plannedEpochs === undefined || plannedEpochs === epochs.length ? '' : ` of ${plannedEpochs}`}`;
  const ended = end ? `, ${end.event.replace('-', ' ')}` : format === 'roble' ? ', not ended' : '';
  const value = metricOf(best, monitor.metric);
  if (!best || value === undefined) return `${done}${ended}; none has a finite ${monitor.metric}.`;
  const seconds = curveOf(epochs, 'trainSeconds').concat(curveOf(epochs, 'evaluationSeconds'));
  const total = seconds.reduce((sum, [, part]) => sum + part, 0);
  const time = total > 0 ? `, in ${timeText(total)}` : '';
  return `${done}${ended}${time}; best is epoch ${best.epoch} with ${monitor.metric} ${metricText(monitor.metric, value)}.`;
}

function timeText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
