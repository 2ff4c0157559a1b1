import { z } from 'zod';
import { checkedJson } from '../../base/schema/checked.js';
import { RobleError } from '../../base/errors.js';
import { sendRequest } from '../../base/http.js';
import { hideUrlPassword } from '../../base/secret.js';

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
export async function queryAt(time: number, source: PrometheusSource, query: string): Promise<Sample[]> {
  const series = await ask(source, 'query', { query, time });
  return series.flatMap(({ metric, value }) => (value ? [{ labels: metric, value: Number(value[1]) }] : []));
}

/** Parts into which a window is divided to see where its data begin. */
const PARTS = 200;

/** How many seconds of a window have a value of the expression: from the first one to the end; none: undefined. */
export async function coveredSeconds(
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
  try {
    return failureSchema.parse(JSON.parse(text)).error;
  } catch {
    return text.slice(0, 200);
  }
}
