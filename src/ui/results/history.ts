import { countOf, percent, points } from '../../core/base/text/text.js';
import type { ClassResults, RunAnalysis } from '../../core/learning/analysis/analyze-run.js';
import { runHeadline } from '../../core/learning/analysis/analyze-run.js';
import type { HistoryAnalysis } from '../../core/learning/analysis/analyze-runs.js';
import type { RunComparison } from '../../core/learning/analysis/compare-runs.js';
import type { Finding } from '../../core/learning/analysis/findings/finding.js';
import { differenceText, metricText } from '../../core/learning/history/metrics.js';
import {
  eventMarks,
  metricNames,
  metricOf,
  type RecordedEpoch,
} from '../../core/learning/history/recorded-run.js';
import type { ReportFiles } from '../../pages/history/reports.js';
import { lineChart } from '../terminal/charts.js';
import { cutLine, numeric, tableLines, wrapWords } from '../terminal/format.js';
import type { TextOptions } from '../terminal/style.js';
import { boundLines, pairLines, weakestClassLines } from './class-results.js';

const CHART_HEIGHT = 12;

/** All about one run. */
function runLines(run: RunAnalysis, options: TextOptions): string[] {
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
  { width, color }: TextOptions,
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
function metricLines({ epochs, best }: RunAnalysis, { width }: TextOptions): string[] {
  const last = epochs.at(-1);
  if (!best || !last) return [];
  const cell = (epoch: RecordedEpoch, name: string) => {
    const value = metricOf(epoch, name);
    return value === undefined ? '-' : metricText(name, value);
  };
  const names = metricNames([best, last]).filter((name) => name !== 'step');
  const columns = [
    { title: 'metric' },
    numeric(`best, epoch ${best.epoch}`),
    numeric(`last, epoch ${last.epoch}`),
  ];
  const rows = names.map((name) => [name, cell(best, name), cell(last, name)]);
  return ['', ...tableLines(columns, rows).map((line) => cutLine(line, width))];
}

const SEVERITY_COLORS = { problem: 'red', warning: 'yellow', info: 'cyan' } as const;

/** Findings, each with what to try and why. */
function findingLines(findings: readonly Finding[], { paint, width }: TextOptions): string[] {
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

function eventLines({ events }: RunAnalysis, { width }: TextOptions): string[] {
  const marks = eventMarks(events);
  if (marks.length === 0) return [];
  const rows = marks.map(({ name, steps, detail = '' }) => [
    name,
    String(steps.length),
    `${steps.slice(0, 3).join(', ')}${steps.length > 3 ? ', ...' : ''}`,
    detail,
  ]);
  const columns = [{ title: 'event' }, numeric('times'), { title: 'at step' }, { title: 'detail' }];
  return ['', ...tableLines(columns, rows).map((line) => cutLine(line, width))];
}

/** The results of the whole split, the weakest classes, and the worst pairs. */
function classLines(evaluation: ClassResults, { width }: TextOptions): string[] {
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

/** The ranking, what the groups differ in, and whether the difference is more than chance. */
function comparisonLines(comparison: RunComparison, { width, paint }: TextOptions): string[] {
  const { metric, groups, duels } = comparison;
  const rows = groups.map(({ label, seeds, mean, standardDeviation, runs }, i) => [
    String(i + 1),
    label,
    String(seeds.length),
    metricText(metric, mean),
    standardDeviation === null ? '-' : differenceText(metric, standardDeviation),
    runs.map(({ name }) => name).join(' '),
  ]);
  const columns = [
    numeric('#'),
    { title: 'group' },
    numeric('seeds'),
    numeric(`mean ${metric}`),
    numeric('deviation'),
    { title: 'runs' },
  ];
  return [
    paint('bold', `Ranking by ${metric}`),
    '',
    ...tableLines(columns, rows).map((line) => cutLine(line, width)),
    ...settingLines(groups, width),
    ...duels.flatMap(({ first, second, verdict }) => [
      '',
      ...wrapWords(`${first} against ${second}: ${verdict}`, width, '  '),
    ]),
  ];
}

/** Settings that are listed; two networks can differ in a hundred. */
const LISTED = 12;

function settingLines(groups: RunComparison['groups'], width: number): string[] {
  const paths = [...new Set(groups.flatMap(({ settings }) => Object.keys(settings)))];
  if (paths.length === 0) return [];
  const more = paths.length > LISTED ? [`and ${paths.length - LISTED} more settings`] : [];
  return [
    '',
    'They differ in:',
    ...paths
      .slice(0, LISTED)
      .flatMap((path) =>
        wrapWords(
          `  ${path}: ${groups.map(({ settings }) => settings[path] ?? 'none').join(', ')}`,
          width,
          '    ',
        ),
      ),
    ...more.map((line) => `  ${line}`),
  ];
}

/** An analysis for people: one run at length, several side by side. */
export function historyLines(
  analysis: HistoryAnalysis & { readonly files: ReportFiles },
  options: TextOptions,
): string[] {
  const { runs, comparison, bounds, files } = analysis;
  const written = Object.entries(files).map(([form, file]) => `${form.toUpperCase()}: ${file}`);
  return [
    ...(runs.length === 1 ? runLines(runs[0]!, options) : curvesTogether(runs, options)),
    ...(comparison ? ['', ...comparisonLines(comparison, options)] : []),
    ...(runs.length === 1
      ? []
      : runs.flatMap((run) => ['', ...briefLines(run, comparison !== undefined, options)])),
    ...boundLines(bounds, runs.length > 1, options),
    ...(written.length > 0 ? ['', ...written] : []),
  ];
}

/** More curves in one chart cannot be told apart. */
const MOST_CURVES = 8;
const COMPARISON_HEIGHT = 14;

/** The monitored curve of each run, in one chart. */
function curvesTogether(runs: readonly RunAnalysis[], { width, color, paint }: TextOptions): string[] {
  const { metric } = runs[0]!.monitor;
  const series = runs.slice(0, MOST_CURVES).map(({ name, epochs }) => ({
    name,
    points: epochs.map((epoch): [number, number] => [epoch.epoch, metricOf(epoch, metric) ?? Number.NaN]),
  }));
  const title =
    runs.length > MOST_CURVES ? `${metric} of the first ${MOST_CURVES} of ${runs.length} runs` : metric;
  return [paint('bold', title), ...lineChart(series, { width, height: COMPARISON_HEIGHT, color })];
}

/** A run among several: what is wrong with it, or where they are compared, how much is. */
function briefLines(run: RunAnalysis, compared: boolean, options: TextOptions): string[] {
  const { paint, width } = options;
  const wrong = run.findings.filter(({ severity }) => severity !== 'info');
  const count = (severity: string) => wrong.filter((finding) => finding.severity === severity).length;
  const counts = `${countOf(count('problem'), 'problem')}, ${countOf(count('warning'), 'warning')}`;
  const headline = runHeadline(run);
  return [
    paint('bold', run.name),
    ...wrapWords(compared ? `${headline} ${counts}.` : headline, width),
    ...(compared ? [] : findingLines(wrong, options)),
  ];
}
