import { readFile } from 'node:fs/promises';
import { percent, points } from '../../core/base/text/text.js';
import type { ClassResults, RunAnalysis } from '../../core/learning/analysis/analyze-run.js';
import { runHeadline } from '../../core/learning/analysis/analyze-run.js';
import type { AnalyzedRuns } from '../../core/learning/analysis/analyze-runs.js';
import type { RunComparison } from '../../core/learning/analysis/compare-runs.js';
import type { Finding } from '../../core/learning/analysis/findings/finding.js';
import { differenceText, metricText } from '../../core/learning/history/metrics.js';
import { RUN_FILES } from '../../core/learning/history/record.js';
import {
  eventMarks,
  metricNames,
  metricOf,
  type RecordedRun,
} from '../../core/learning/history/recorded-run.js';
import { boundsSection, classesSection, mistakesSection, pairsSection } from '../class-results.js';
import { element, escapeMarkup, htmlSection, htmlTable, numeric, pageFrame, paragraph } from '../kit/html.js';
import { inlineSvg, type Panel } from '../plot/panel.js';

/**
 * The whole report: one file, that loads nothing and runs nothing, light or dark as the reader's system is.
 *
 * @param panels the plots of each run
 * @param together plots of all runs together; none of a single run
 */
export async function historyPage(
  { recorded, runs, bounds, comparison }: AnalyzedRuns,
  panels: readonly (readonly Panel[])[],
  together: readonly Panel[],
): Promise<string> {
  const title = runs.length === 1 ? runs[0]!.name : `${runs.length} runs`;
  const articles: string[] = [];
  for (const [i, run] of recorded.entries()) articles.push(await runHtml(run, runs[i]!, panels[i]!));
  return pageFrame(title, [
    element('h1', {}, escapeMarkup(title)),
    runs.length > 1 ? runsTable(runs) : '',
    boundsSection(bounds),
    comparison ? comparisonHtml(comparison) : '',
    plots(together),
    ...articles,
  ]);
}

function plots(panels: readonly Panel[]): string {
  return panels.length === 0 ? '' : element('div', { class: 'plots' }, ...panels.map(inlineSvg));
}

function runsTable(runs: readonly RunAnalysis[]): string {
  return htmlTable(
    [{ title: 'run' }, { title: '' }],
    runs.map((run) => [run.name, runHeadline(run)]),
  );
}

function comparisonHtml({ metric, groups, duels }: RunComparison): string {
  const paths = [...new Set(groups.flatMap(({ settings }) => Object.keys(settings)))];
  const rows = groups.map(({ label, seeds, mean, standardDeviation, settings }, i) => [
    String(i + 1),
    label,
    String(seeds.length),
    metricText(metric, mean),
    standardDeviation === null ? '–' : differenceText(metric, standardDeviation),
    ...paths.map((path) => settings[path] ?? '–'),
  ]);
  const columns = [
    numeric(''),
    { title: 'group' },
    numeric('seeds'),
    numeric(`mean ${metric}`),
    numeric('deviation'),
  ];
  return htmlSection(
    'Comparison',
    htmlTable([...columns, ...paths.map((title) => ({ title }))], rows),
    ...duels.map(({ first, second, verdict }) => paragraph(`${first} against ${second}: ${verdict}`)),
  );
}

/** One run as a part of the page. */
async function runHtml(run: RecordedRun, analysis: RunAnalysis, panels: readonly Panel[]): Promise<string> {
  const { evaluation } = analysis;
  const mistakes = run.mistakesFile === undefined ? undefined : await readFile(run.mistakesFile);
  return element(
    'article',
    {},
    element('h2', {}, escapeMarkup(analysis.name)),
    paragraph(runHeadline(analysis)),
    htmlSection('Findings', ...analysis.findings.map(findingHtml)),
    plots(panels),
    htmlSection('Events', eventsTable(analysis)),
    ...(evaluation ? evaluationSections(evaluation, mistakes) : []),
    htmlSection('Epochs', epochsTable(analysis)),
    settingsSection(run),
  );
}

function findingHtml({ severity, message, suggestions }: Finding): string {
  const advice = suggestions.map(({ key, change, why }) =>
    element(
      'li',
      {},
      element('code', {}, escapeMarkup(key)),
      ` → ${element('strong', {}, escapeMarkup(change))}: ${escapeMarkup(why)}.`,
    ),
  );
  return element(
    'div',
    { class: `finding ${severity}` },
    element('span', { class: 'severity' }, severity),
    paragraph(message),
    advice.length > 0 ? element('ul', {}, ...advice) : '',
  );
}

function eventsTable({ events }: RunAnalysis): string {
  const marks = eventMarks(events);
  if (marks.length === 0) return '';
  const rows = marks.map(({ letter, name, steps, detail = '' }) => [
    letter,
    name,
    String(steps.length),
    `${steps.slice(0, 5).join(', ')}${steps.length > 5 ? ', …' : ''}`,
    detail,
  ]);
  return htmlTable(
    [{ title: '' }, { title: 'event' }, numeric('times'), { title: 'at step' }, { title: 'detail' }],
    rows,
  );
}

function evaluationSections(evaluation: ClassResults, mistakes: Uint8Array | undefined): string[] {
  return [
    classesSection(
      `Classes, on ${evaluation.count} validation images`,
      paragraph(evaluationLine(evaluation)),
      evaluation.perClass,
      RUN_FILES.evaluation,
    ),
    pairsSection(evaluation.worstPairs),
    mistakesSection(evaluation.confidentlyWrong, mistakes),
  ];
}

/** The results that are numbers of the whole split. */
function evaluationLine(evaluation: ClassResults): string {
  const { accuracy, top3Accuracy, balancedAccuracy, foldedAccuracy, expectedCalibrationError } = evaluation;
  return [
    `accuracy ${percent(accuracy)}`,
    `balanced ${percent(balancedAccuracy)}`,
    `among the first three ${percent(top3Accuracy)}`,
    ...(foldedAccuracy === undefined ? [] : [`look-alikes counted as one ${percent(foldedAccuracy)}`]),
    `calibration error ${points(expectedCalibrationError)}`,
  ].join(', ');
}

function epochsTable({ epochs, best }: RunAnalysis): string {
  if (epochs.length === 0) return '';
  const names = metricNames(epochs);
  const rows = epochs.map((epoch) => [
    `${epoch.epoch}${epoch === best ? ' (best)' : ''}`,
    ...names.map((name) => {
      const value = metricOf(epoch, name);
      return value === undefined ? '–' : metricText(name, value);
    }),
  ]);
  return htmlTable([{ title: 'epoch' }, ...names.map(numeric)], rows);
}

function settingsSection({ settings }: RecordedRun): string {
  if (Object.keys(settings).length === 0) return '';
  return element(
    'details',
    {},
    element('summary', {}, 'Settings'),
    element('pre', {}, escapeMarkup(JSON.stringify(settings, null, 2))),
  );
}
