import { countOf, formatCount, percent, short } from '../core/base/text/text.js';
import type { Knee } from '../core/operations/load-test/find-knee.js';
import type { LoadTestResult } from '../core/operations/load-test/load-test.js';
import type { Percentiles } from '../core/operations/load-test/recorder.js';
import type { Load } from '../core/operations/load-test/run-load.js';

/** What a load test found, as pairs of a name and a value, for the terminal and the page. */
export function loadRows({ measurement, answers, pictures }: LoadTestResult): (readonly [string, string])[] {
  const { sent, accepted, dropped, statuses, failures, latencyMs, lagMs, load } = measurement;
  const share = percent(accepted / Math.max(1, sent + dropped));
  return [
    ['load', loadText(load)],
    ['pictures', typeof pictures === 'number' ? countOf(pictures, 'file') : `random: ${pictures.join(', ')}`],
    ['sent', formatCount(sent)],
    ['accepted', `${formatCount(accepted)} (${share})`],
    ['by status', listOf(statuses)],
    ['failed', listOf(failures)],
    ...(answers ? ([['answered from', listOf(answers)]] as const) : []),
    ['requests/s', short(measurement.requestsPerSecond)],
    ['images/s', short(measurement.imagesPerSecond)],
    ['latency', percentilesText(latencyMs)],
    ...(load.loop === 'open'
      ? ([
          ['own lag', percentilesText(lagMs)],
          ['dropped by the generator', formatCount(dropped)],
        ] as const)
      : []),
  ];
}

/** The columns of the rates that were tried, and a row for each. */
export const KNEE_COLUMNS = [
  { title: 'requests/s', numeric: true },
  { title: 'accepted/s', numeric: true },
  { title: 'p50', numeric: true },
  { title: 'p99', numeric: true },
  { title: 'accepted', numeric: true },
  { title: '' },
];

export function kneeRows({ steps }: Knee): string[][] {
  return steps.map(({ ratePerSecond, measurement, missed }) => [
    formatCount(ratePerSecond),
    short(measurement.requestsPerSecond),
    milliseconds(measurement.latencyMs?.p50),
    milliseconds(measurement.latencyMs?.p99),
    percent(measurement.accepted / Math.max(1, measurement.sent + measurement.dropped)),
    missed === undefined ? 'held' : MISSED[missed],
  ]);
}

const MISSED = {
  latency: 'not held: p99',
  errors: 'not held: refused or failed',
  generator: 'the generator could not keep this rate',
};

/** The one sentence of a search for the highest rate. */
export function kneeText({ ratePerSecond, limits }: Knee): string {
  const within = `p99 at most ${limits.p99Ms} ms, at most ${percent(limits.badShare)} refused or failed`;
  return ratePerSecond === null
    ? `Not even the first rate was held (${within}).`
    : `Held: ${formatCount(ratePerSecond)} requests/s (${within}).`;
}

function loadText(load: Load): string {
  if (load.loop === 'closed')
    return `closed loop, ${countOf(load.concurrency, 'client')} that wait for answers`;
  const arrivals = load.arrivals === 'poisson' ? 'at random (Poisson)' : 'evenly';
  return `open loop, ${formatCount(load.ratePerSecond)} requests/s, arriving ${arrivals}`;
}

function listOf(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return parts.map(([name, count]) => `${name}: ${formatCount(count)}`).join(', ') || 'none';
}

function percentilesText(values: Percentiles | null): string {
  if (!values) return 'nothing was accepted';
  const { p50, p90, p99, p999, max } = values;
  const named = { p50, p90, p99, 'p99.9': p999, max };
  return Object.entries(named)
    .map(([name, value]) => `${name} ${milliseconds(value)}`)
    .join(', ');
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? '–' : `${Number(value.toPrecision(3))} ms`;
}
