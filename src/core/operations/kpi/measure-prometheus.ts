import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { percent } from '../../learning/history/number-text.js';
import { formatCount } from '../../base/text.js';
import type { Measured, Measurements } from './judge.js';
import { coveredSeconds, type PrometheusSource, queryAt } from './prometheus.js';

/** Neither probes nor the administration, whose scrapes would outnumber the requests of users. */
const USERS = 'route!~"/metrics|/admin/.*|.*/health/.*"';
const QUANTILE = 0.99;
/** A window that is covered less than this is told of: Prometheus forgets, by default after 15 days. */
const COVERED = 0.95;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * What a Prometheus tells of the service over a window: the 99th percentile of the latency of `/predict`, interpolated
 * between the bounds of the histogram, and the share of requests that the server answered with another status than 5xx.
 *
 * @throws {RobleError} as `queryAt`, and `ROBLE_USAGE` for a bad window
 */
export async function measurePrometheus(
  source: PrometheusSource,
  { reporter, signal }: Context,
): Promise<Measurements> {
  const seconds = windowSeconds(source.window);
  const asked = { ...source, signal };
  const now = Date.now() / 1000;
  const covered = await coveredSeconds(
    now,
    asked,
    `count(${selector('roble_requests_total', source)})`,
    seconds,
  );
  if (covered !== undefined && covered < COVERED * seconds)
    reporter?.report({
      type: 'warning',
      message: `${source.url} has data of the last ${percent(covered / seconds)} of ${source.window} only.`,
    });
  return { latencyP99Ms: await latency(now, asked), availability: await availability(now, asked) };
}

async function latency(time: number, source: PrometheusSource): Promise<Measured> {
  const { window, url } = source;
  const buckets = `sum by (le) (increase(${selector('roble_request_duration_seconds_bucket', source, 'route="/predict"')}[${window}]))`;
  const counts = await queryAt(time, source, buckets);
  const total = counts.find(({ labels }) => labels.le === '+Inf')?.value ?? 0;
  if (!(total > 0)) return { missing: `${url} counted no request to /predict in ${window}` };
  const from = `${url}, ${requestsText(total)} in ${window}`;
  const [longest] = counts
    .map(({ labels, value }) => ({ seconds: Number(labels.le), value }))
    .filter(({ seconds }) => Number.isFinite(seconds))
    .sort((a, b) => b.seconds - a.seconds);
  // Beyond its last bound, the function of Prometheus answers with that bound.
  if (longest && longest.value < QUANTILE * total)
    return { value: longest.seconds * 1000, source: from, isLowerBound: true };
  const [quantile] = await queryAt(time, source, `histogram_quantile(${QUANTILE}, ${buckets})`);
  if (quantile === undefined || !Number.isFinite(quantile.value))
    return { missing: `${url} has no percentile of /predict in ${window}` };
  return { value: quantile.value * 1000, source: from };
}

async function availability(time: number, source: PrometheusSource): Promise<Measured> {
  const { window, url } = source;
  const count = async (...more: string[]) => {
    const series = selector('roble_requests_total', source, USERS, ...more);
    // Where no status was ever 5xx, there is no such series, and so no value.
    return (await queryAt(time, source, `sum(increase(${series}[${window}]))`))[0]?.value ?? 0;
  };
  const total = await count();
  if (!(total > 0)) return { missing: `${url} counted no request in ${window}` };
  const failed = await count('status=~"5.."');
  return { value: 1 - failed / total, source: `${url}, ${requestsText(total)} in ${window}` };
}

/** `increase` extrapolates to the ends of the window, so that counts are no whole numbers. */
function requestsText(count: number): string {
  return `about ${formatCount(Math.round(count))} requests`;
}

function selector(metric: string, { labels }: PrometheusSource, ...matchers: string[]): string {
  // A text of PromQL is escaped as one of JSON.
  const chosen = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${metric}{${[...matchers, ...chosen].join(',')}}`;
}

function windowSeconds(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,4})([smhdw])$/.exec(text) ?? [];
  if (unit !== undefined) return Number(count) * SECONDS[unit as keyof typeof SECONDS];
  throw new RobleError('ROBLE_USAGE', `"${text}" is no window of time.`, {
    received: text,
    expected: 'a number of seconds, minutes, hours, days or weeks, such as 30d',
  });
}
