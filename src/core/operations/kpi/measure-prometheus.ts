import { z } from 'zod';
import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { sendRequest } from '../../base/http.js';
import { checkedJson } from '../../base/schema/checked.js';
import { hideUrlPassword } from '../../base/secret.js';
import { parseJson } from '../../base/storage/read-file.js';
import { formatCount, percent } from '../../base/text/text.js';
import type { Measured, Measurements } from './judge.js';

/** Neither probes nor the administration, whose scrapes would outnumber the requests of users. */
const USERS = 'route!~"/metrics|/admin/.*|.*/health/.*"';
const QUANTILE = 0.99;
/** Less of a window than this is reported: Prometheus forgets, by default after 15 days. */
const COVERED = 0.95;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * What a Prometheus knows of the service over a window: the 99th percentile of the latency of `/predict`, interpolated
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

/** A Prometheus that scrapes the server. */
export interface PrometheusSource {
  /** Where it listens, with the path before `/api/v1` if there is one. */
  readonly url: string;
  /** How far back to look, such as `30d`. */
  readonly window: string;
  /** Labels that the time series must have, such as the job, where one Prometheus watches several servers. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** A value of an instant query, with its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const TIMEOUT_MS = 30_000;

const sampleSchema = z.tuple([z.number(), z.string()]);
const seriesSchema = z.object({
  metric: z.record(z.string(), z.string()),
  value: sampleSchema.optional(),
  values: z.array(sampleSchema).optional(),
});
const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(seriesSchema) }),
});
const failureSchema = z.object({ error: z.string() });

/**
 * The values of an expression at a moment.
 *
 * @param time seconds since 1970; queries that are compared need the same one
 * @throws {RobleError} `ROBLE_SERVER_UNREACHABLE`, `ROBLE_DEADLINE_EXCEEDED`, `ROBLE_USAGE` for a bad address
 */
async function queryAt(time: number, source: PrometheusSource, query: string): Promise<Sample[]> {
  const series = await ask(source, 'query', { query, time });
  return series.flatMap(({ metric, value }) => (value ? [{ labels: metric, value: Number(value[1]) }] : []));
}

/** Parts into which a window is divided to see where its data begin. */
const PARTS = 200;

/** How many seconds of a window have a value of the expression: from the first one to the end; none: undefined. */
async function coveredSeconds(
  end: number,
  source: PrometheusSource,
  query: string,
  windowSeconds: number,
): Promise<number | undefined> {
  const times = { start: end - windowSeconds, end, step: windowSeconds / PARTS };
  const series = await ask(source, 'query_range', { query, ...times });
  const first = Math.min(...series.flatMap(({ values = [] }) => values.map(([time]) => time)));
  return Number.isFinite(first) ? end - first : undefined;
}

async function ask(
  source: PrometheusSource,
  path: string,
  parameters: Readonly<Record<string, string | number>>,
): Promise<z.output<typeof answerSchema>['data']['result']> {
  const url = new URL(`api/v1/${path}`, baseOf(source.url));
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
  const { headers, signal } = source;
  const answer = await sendRequest(
    { method: 'GET', url, headers },
    { timeoutMs: TIMEOUT_MS, retries: 2, signal },
  );
  const text = answer.body.toString();
  const where = `The answer of ${url.origin}`;
  if (answer.status === 200)
    return checkedJson(answerSchema, text, 'ROBLE_SERVER_UNREACHABLE', where).data.result;
  throw new RobleError('ROBLE_SERVER_UNREACHABLE', `${url.origin} answered with status ${answer.status}.`, {
    received: failureText(text),
    expected: 'the HTTP API of a Prometheus',
    nextSteps: ['Check the address, and --header where a key or a password is needed.'],
  });
}

/** With a slash at its end, after which the path of the API goes. */
function baseOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new RobleError('ROBLE_USAGE', 'The address of the Prometheus is not of the expected form.', {
      received: hideUrlPassword(text),
      expected: 'such as http://127.0.0.1:9090',
    });
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function failureText(text: string): string {
  return failureSchema.safeParse(parseJson(text)).data?.error ?? text.slice(0, 200);
}
