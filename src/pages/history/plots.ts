import type { RunAnalysis } from '../../core/learning/analysis/analyze-run.js';
import type { RunComparison } from '../../core/learning/analysis/compare-runs.js';
import { isShare, metricText } from '../../core/learning/history/metrics.js';
import {
  epochOfStep,
  eventMarks,
  metricOf,
  type RecordedEpoch,
  type RecordedRun,
} from '../../core/learning/history/recorded-run.js';
import { SERIES_COLORS } from '../kit/theme.js';
import { calibrationPlot } from '../plot/calibration-plot.js';
import { classesPlot, confusionPlot } from '../plot/class-plots.js';
import { linePlot, type PlotMark } from '../plot/line-plot.js';
import type { Panel } from '../plot/panel.js';
import { keyPanel } from '../plot/panel.js';
import { rankingPlot } from '../plot/ranking-plot.js';

/** The plots of one run: its curves, with its best epoch and its events, and the results of its model. */
export function runPanels(run: RecordedRun, analysis: RunAnalysis): Panel[] {
  const { epochs, monitor, best, events } = analysis;
  const value = metricOf(best, monitor.metric);
  const marks: PlotMark[] = [
    ...(best && value !== undefined
      ? [
          {
            x: best.epoch,
            label: `best: ${best.epoch}`,
            meaning: `epoch ${best.epoch}: ${monitor.metric} ${metricText(monitor.metric, value)}`,
          },
        ]
      : []),
    ...eventMarks(events).flatMap(({ letter, name, steps }) =>
      steps.map((step) => ({
        x: epochOfStep(epochs, step),
        label: letter,
        meaning: `${name} at step ${step}`,
      })),
    ),
  ];
  const curves = curveTitles(monitor.metric).map(([title, names]) =>
    linePlot({
      title,
      xTitle: 'epoch',
      isShare: names.every(isShare),
      marks,
      series: names
        .filter((name) => hasValues(analysis, name))
        .map((name) => ({
          name,
          points: pointsOf(epochs, name),
          dashed: names.length > 1 && !name.startsWith('val'),
        })),
    }),
  );
  const results = run.evaluation
    ? [classesPlot(run.evaluation), calibrationPlot(run.evaluation), confusionPlot(run.evaluation)]
    : [];
  return [...curves, eventKey(events), ...results].filter((panel) => panel !== undefined);
}

/** The curves of several runs, one plot for each metric, and their ranking. Runs of one group have one colour. */
export function comparisonPanels(
  runs: readonly RunAnalysis[],
  comparison: RunComparison | undefined,
): Panel[] {
  const names = new Set([
    comparison?.metric ?? runs[0]!.monitor.metric,
    'valAccuracy',
    'valLoss',
    'accuracy',
    'loss',
  ]);
  const groups = comparison?.groups.map((group) => ({
    label: group.label,
    paths: group.runs.map(({ path }) => path),
  }));
  const keys = groups ?? runs.map(({ name, path }) => ({ label: name, paths: [path] }));
  const style = (key: number) => ({ color: key, dashed: Math.floor(key / SERIES_COLORS) % 2 === 1 });
  const curves = [...names].map((name) =>
    linePlot({
      title: name,
      xTitle: 'epoch',
      isShare: isShare(name),
      legend: false,
      series: runs.flatMap((run) => {
        const key = keys.findIndex(({ paths }) => paths.includes(run.path));
        return hasValues(run, name)
          ? [{ name: run.name, points: pointsOf(run.epochs, name), ...style(key) }]
          : [];
      }),
    }),
  );
  const legend = keyPanel(keys.map(({ label }, key) => ({ label, ...style(key) })));
  return [comparison && rankingPlot(comparison), legend, ...curves].filter((panel) => panel !== undefined);
}

function hasValues({ epochs }: RunAnalysis, name: string): boolean {
  return epochs.some((epoch) => metricOf(epoch, name) !== undefined);
}

/** What is plotted together: the same measure of the training and of the validation data. */
function curveTitles(monitored: string): [title: string, metrics: string[]][] {
  const titles: [string, string[]][] = [
    ['Loss', ['loss', 'valLoss']],
    ['Accuracy', ['accuracy', 'valAccuracy']],
    ['Learning rate', ['learningRate']],
    ['Gradient norm', ['gradientNorm']],
  ];
  const isPlotted = titles.some(([, names]) => names.includes(monitored));
  return isPlotted ? titles : [[monitored, [monitored]], ...titles];
}

/** Epochs without a finite value break the line. */
function pointsOf(epochs: readonly RecordedEpoch[], name: string): [number, number][] {
  return epochs.map((epoch) => [epoch.epoch, metricOf(epoch, name) ?? Number.NaN]);
}

/** What the letters in the plots stand for; undefined without events. */
function eventKey(events: RunAnalysis['events']): Panel | undefined {
  const marks = eventMarks(events);
  if (marks.length === 0) return undefined;
  return keyPanel(
    marks.map(({ letter, name, steps }) => ({ label: `${letter}: ${name} (${steps.length})` })),
  );
}
