import type { RunAnalysis } from '../../core/learning/analysis/analyze-run.js';
import type { HistoryAnalysis } from '../../core/learning/analysis/analyze-runs.js';
import type { BoundResult } from '../../core/learning/analysis/bounds.js';
import { short } from '../../core/learning/history/number-text.js';
import { metricOf } from '../../core/learning/history/recorded-run.js';
import { runHeadline } from '../../core/learning/analysis/run-headline.js';
import { countOf } from '../../core/base/text.js';
import { comparisonLines } from './history-comparison-text.js';
import { findingLines, type HistoryTextOptions, runLines } from './history.js';
import { wrapWords } from '../terminal/history-wrap.js';
import { lineChart } from '../terminal/charts.js';

/** An analysis for people: one run at length, several side by side. */
export function historyLines(analysis: HistoryAnalysis, options: HistoryTextOptions): string[] {
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
function curvesTogether(runs: readonly RunAnalysis[], { width, color, paint }: HistoryTextOptions): string[] {
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
function briefLines(run: RunAnalysis, compared: boolean, options: HistoryTextOptions): string[] {
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

/** Which bounds were met. */
export function boundLines(
  bounds: readonly BoundResult[],
  namesRuns: boolean,
  { paint }: HistoryTextOptions,
): string[] {
  if (bounds.length === 0) return [];
  return [
    '',
    ...bounds.map(({ run, metric, failsWhen, limit, value, met }) => {
      const is = value === null ? 'not a finite number' : short(value);
      const must = `${failsWhen === 'under' ? 'at least' : 'at most'} ${short(limit)}`;
      const word = met ? paint('green', 'met') : paint('red', 'missed');
      return `${word}: ${namesRuns ? `${run}: ` : ''}${metric} is ${is}, must be ${must}`;
    }),
  ];
}
