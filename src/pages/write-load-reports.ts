import { inlineSvg, standaloneSvg } from './plot/panel.js';
import { element, escapeMarkup } from './kit/element.js';
import { htmlSection, htmlTable, paragraph } from './kit/markup.js';
import { pageFrame } from './kit/html.js';
import { replaceFile } from '../core/base/storage/durable.js';
import type { LoadTestResult } from '../core/operations/load-test/load-test.js';
import { loadPanels } from './load-test.js';
import { KNEE_COLUMNS, kneeRows, kneeText, loadRows } from './load-test-rows.js';

/** Files by their form. */
export interface LoadReportFiles {
  /** One page with the numbers and the plots. */
  readonly html?: string;
  /** The plots. */
  readonly svg?: string;
}

/** Writes the files that are named, each as a whole or not at all. */
export async function writeLoadReports(result: LoadTestResult): Promise<void> {
  const { html, svg } = result.files;
  if (html === undefined && svg === undefined) return;
  const panels = loadPanels(result);
  const title = `Load test of ${result.model} at ${result.url}`;
  if (svg !== undefined) await replaceFile(svg, standaloneSvg(title, panels));
  if (html === undefined) return;
  const body = [
    element('h1', {}, escapeMarkup(title)),
    htmlTable([{ title: '' }, { title: '' }], loadRows(result)),
    element('div', { class: 'plots' }, ...panels.map(inlineSvg)),
    result.knee
      ? htmlSection(
          'The highest rate',
          paragraph(kneeText(result.knee)),
          htmlTable(KNEE_COLUMNS, kneeRows(result.knee)),
        )
      : '',
  ];
  await replaceFile(html, pageFrame(title, body));
}
