import { replaceFile } from '../core/base/storage/durable.js';
import type { Knee } from '../core/operations/load-test/find-knee.js';
import type { LoadTestResult } from '../core/operations/load-test/load-test.js';
import type { LoadInterval } from '../core/operations/load-test/recorder.js';
import { element, escapeMarkup, htmlSection, htmlTable, pageFrame, paragraph } from './kit/html.js';
import { KNEE_COLUMNS, kneeRows, kneeText, loadRows } from './load-test-rows.js';
import { linePlot } from './plot/line-plot.js';
import { inlineSvg, type Panel, standaloneSvg } from './plot/panel.js';

/** The plots of a load test: latencies and requests over its time, and over the rates where several were tried. */
function loadPanels({ measurement, knee }: LoadTestResult): Panel[] {
  const { intervals } = measurement;
  const over = (value: (interval: LoadInterval) => number | undefined) =>
    intervals.map((interval) => [interval.at, value(interval) ?? Number.NaN] as const);
  const perSecond = (key: 'sent' | 'accepted' | 'refused' | 'failed') =>
    over((interval) => interval[key] / interval.seconds);
  return [
    linePlot({
      title: 'Latency, milliseconds',
      xTitle: 'second in which the request was due',
      series: (['max', 'p99', 'p50'] as const).map((name) => ({
        name,
        points: over(({ latencyMs }) => latencyMs?.[name]),
      })),
    }),
    linePlot({
      title: 'Requests per second',
      xTitle: 'second in which the request was due',
      series: (['sent', 'accepted', 'refused', 'failed'] as const)
        .filter((name) => name === 'accepted' || intervals.some((interval) => interval[name] > 0))
        .map((name) => ({ name, points: perSecond(name), dashed: name === 'sent' })),
    }),
    ...(knee ? kneePanels(knee) : []),
  ].filter((panel) => panel !== undefined);
}

function kneePanels({ steps, limits, ratePerSecond }: Knee): (Panel | undefined)[] {
  const sorted = [...steps].sort((a, b) => a.ratePerSecond - b.ratePerSecond);
  const marks =
    ratePerSecond === null
      ? []
      : [{ x: ratePerSecond, label: `${ratePerSecond}/s`, meaning: 'The highest rate that was held' }];
  return [
    linePlot({
      title: 'p99 by rate, milliseconds',
      xTitle: 'requests per second',
      marks,
      series: [
        {
          name: 'p99',
          points: sorted.map((step) => [step.ratePerSecond, step.measurement.latencyMs?.p99 ?? Number.NaN]),
        },
        { name: 'limit', dashed: true, points: sorted.map((step) => [step.ratePerSecond, limits.p99Ms]) },
      ],
    }),
    linePlot({
      title: 'Accepted per second, by rate',
      xTitle: 'requests per second',
      marks,
      legend: false,
      series: [
        {
          name: 'accepted',
          points: sorted.map((step) => [step.ratePerSecond, step.measurement.requestsPerSecond]),
        },
      ],
    }),
  ];
}

/** Files by their form. */
export interface LoadReportFiles {
  /** One page with the numbers and the plots. */
  readonly html?: string;
  /** The plots. */
  readonly svg?: string;
}

/** Writes the files that are named, each as a whole or not at all. */
export async function writeLoadReports(
  result: LoadTestResult,
  { html, svg }: LoadReportFiles,
): Promise<void> {
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
