import { element, escapeMarkup } from '../kit/element.js';
import { htmlSection, htmlTable, paragraph } from '../kit/markup.js';
import type { ClassResults, RunAnalysis } from '../../core/learning/analysis/analyze-run.js';
import type { Finding } from '../../core/learning/analysis/findings/finding.js';
import { metricText, percent, points } from '../../core/learning/history/number-text.js';
import { inlineSvg, type Panel } from '../plot/panel.js';
import { RUN_FILES } from '../../core/learning/history/record.js';
import { metricNames, metricOf, type RecordedRun } from '../../core/learning/history/recorded-run.js';
import { runHeadline } from '../../core/learning/analysis/run-headline.js';
import { classesSection, mistakesSection, pairsSection } from '../class-results.js';
import { eventMarks } from '../../core/learning/history/event-marks.js';

/** One run as a part of the page. `mistakes` is its contact sheet, a PNG. */
export function runHtml(
  run: RecordedRun,
  analysis: RunAnalysis,
  panels: readonly Panel[],
  mistakes: Uint8Array | undefined,
): string {
  const { evaluation } = analysis;
  return element(
    'article',
    {},
    element('h2', {}, escapeMarkup(analysis.name)),
    paragraph(runHeadline(analysis)),
    htmlSection('Findings', ...analysis.findings.map(findingHtml)),
    panels.length === 0 ? '' : element('div', { class: 'plots' }, ...panels.map(inlineSvg)),
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
    [
      { title: '' },
      { title: 'event' },
      { title: 'times', numeric: true },
      { title: 'at step' },
      { title: 'detail' },
    ],
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
  return htmlTable([{ title: 'epoch' }, ...names.map((title) => ({ title, numeric: true }))], rows);
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
