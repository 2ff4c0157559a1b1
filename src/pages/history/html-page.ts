import { element, escapeMarkup } from '../kit/element.js';
import { htmlSection, htmlTable, paragraph } from '../kit/markup.js';
import { pageFrame } from '../kit/html.js';
import type { RunAnalysis } from '../../core/learning/analysis/analyze-run.js';
import type { BoundResult } from '../../core/learning/analysis/bounds.js';
import type { RunComparison } from '../../core/learning/analysis/compare-runs.js';
import { differenceText, metricText } from '../../core/learning/history/number-text.js';
import { inlineSvg, type Panel } from '../plot/panel.js';
import { runHeadline } from '../../core/learning/analysis/run-headline.js';
import { boundsSection } from '../bounds-html.js';

export interface HtmlPage {
  readonly runs: readonly RunAnalysis[];
  readonly bounds: readonly BoundResult[];
  readonly comparison: RunComparison | undefined;
  /** Plots of all runs together; none of a single run. */
  readonly panels: readonly Panel[];
  /** The part of each run. */
  readonly articles: readonly string[];
}

/** The whole report: one file, that loads nothing and runs nothing, light or dark as the reader's system is. */
export function htmlPage(page: HtmlPage): string {
  const title = page.runs.length === 1 ? page.runs[0]!.name : `${page.runs.length} runs`;
  const body = [
    element('h1', {}, escapeMarkup(title)),
    page.runs.length > 1 ? runsTable(page.runs) : '',
    boundsSection(page.bounds),
    page.comparison ? comparisonHtml(page.comparison) : '',
    page.panels.length > 0 ? element('div', { class: 'plots' }, ...page.panels.map(inlineSvg)) : '',
    ...page.articles,
  ];
  return pageFrame(title, body);
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
  const number = (title: string) => ({ title, numeric: true });
  const columns = [
    number(''),
    { title: 'group' },
    number('seeds'),
    number(`mean ${metric}`),
    number('deviation'),
  ];
  return htmlSection(
    'Comparison',
    htmlTable([...columns, ...paths.map((title) => ({ title }))], rows),
    ...duels.map(({ first, second, verdict }) => paragraph(`${first} against ${second}: ${verdict}`)),
  );
}
