import type { ClassResults, RunAnalysis } from '../../core/learning/analysis/analyze-run.js';
import type { Finding } from '../../core/learning/analysis/findings/finding.js';
import { metricText, percent, points } from '../../core/learning/history/number-text.js';
import { metricNames, metricOf, type RecordedEpoch } from '../../core/learning/history/recorded-run.js';
import { eventMarks } from '../../core/learning/history/event-marks.js';
import { runHeadline } from '../../core/learning/analysis/run-headline.js';
import { countOf } from '../../core/base/text.js';
import { pairLines, weakestClassLines } from './classes.js';
import { cutLine, wrapWords } from '../terminal/history-wrap.js';
import { lineChart } from '../terminal/charts.js';
import type { Paint } from '../terminal/style.js';
import { tableLines } from '../terminal/table.js';

export interface HistoryTextOptions {
  /** Characters of a line. */
  readonly width: number;
  readonly color: boolean;
  readonly paint: Paint;
}

const CHART_HEIGHT = 12;

/** All about one run. */
export function runLines(run: RunAnalysis, options: HistoryTextOptions): string[] {
  const { paint, width } = options;
  return [
    paint('bold', run.name),
    ...wrapWords(runHeadline(run), width),
    ...curveLines(run.epochs, ['loss', 'valLoss'], options),
    ...curveLines(run.epochs, ['accuracy', 'valAccuracy'], options),
    ...metricLines(run, options),
    ...findingLines(run.findings, options),
    ...eventLines(run, options),
    ...(run.evaluation ? classLines(run.evaluation, options) : []),
  ];
}

/** A chart of curves; nothing where there are not two values to join. */
function curveLines(
  epochs: readonly RecordedEpoch[],
  names: readonly string[],
  { width, color }: HistoryTextOptions,
): string[] {
  const series = names
    .map((name) => ({
      name,
      points: epochs.map((epoch): [number, number] => [epoch.epoch, metricOf(epoch, name) ?? Number.NaN]),
    }))
    .filter(({ points }) => points.filter(([, y]) => Number.isFinite(y)).length > 1);
  return series.length === 0 ? [] : ['', ...lineChart(series, { width, height: CHART_HEIGHT, color })];
}

/** The metrics of the best epoch beside those of the last. */
function metricLines({ epochs, best }: RunAnalysis, { width }: HistoryTextOptions): string[] {
  const last = epochs.at(-1);
  if (!best || !last) return [];
  const cell = (epoch: RecordedEpoch, name: string) => {
    const value = metricOf(epoch, name);
    return value === undefined ? '-' : metricText(name, value);
  };
  const names = metricNames([best, last]).filter((name) => name !== 'step');
  const columns = [
    { title: 'metric' },
    { title: `best, epoch ${best.epoch}`, numeric: true },
    { title: `last, epoch ${last.epoch}`, numeric: true },
  ];
  const rows = names.map((name) => [name, cell(best, name), cell(last, name)]);
  return ['', ...tableLines(columns, rows).map((line) => cutLine(line, width))];
}

const SEVERITY_COLORS = { problem: 'red', warning: 'yellow', info: 'cyan' } as const;

/** Findings, each with what to try and why. */
export function findingLines(findings: readonly Finding[], { paint, width }: HistoryTextOptions): string[] {
  return findings.flatMap(({ severity, message, suggestions }) => {
    const [first, ...others] = wrapWords(`${severity}: ${message}`, width, '  ');
    return [
      '',
      paint(SEVERITY_COLORS[severity], severity) + first!.slice(severity.length),
      ...others,
      ...suggestions.flatMap(({ key, change, why }) =>
        wrapWords(`  -> ${key}: ${change} (${why})`, width, '     '),
      ),
    ];
  });
}

function eventLines({ events }: RunAnalysis, { width }: HistoryTextOptions): string[] {
  const marks = eventMarks(events);
  if (marks.length === 0) return [];
  const rows = marks.map(({ name, steps, detail = '' }) => [
    name,
    String(steps.length),
    `${steps.slice(0, 3).join(', ')}${steps.length > 3 ? ', ...' : ''}`,
    detail,
  ]);
  const columns = [
    { title: 'event' },
    { title: 'times', numeric: true },
    { title: 'at step' },
    { title: 'detail' },
  ];
  return ['', ...tableLines(columns, rows).map((line) => cutLine(line, width))];
}

/** The results of the whole split, the weakest classes, and the worst pairs. */
function classLines(evaluation: ClassResults, { width }: HistoryTextOptions): string[] {
  const { accuracy, balancedAccuracy, foldedAccuracy, expectedCalibrationError } = evaluation;
  const folded = foldedAccuracy === undefined ? '' : `, look-alikes as one ${percent(foldedAccuracy)}`;
  return [
    '',
    ...wrapWords(
      `Epoch ${evaluation.epoch} on ${countOf(evaluation.count, 'validation image')}: accuracy ${percent(accuracy)}, ` +
        `balanced ${percent(balancedAccuracy)}${folded}, calibration error ${points(expectedCalibrationError)}`,
      width,
      '  ',
    ),
    '',
    ...weakestClassLines(evaluation.perClass),
    ...pairLines(evaluation.worstPairs),
  ];
}
