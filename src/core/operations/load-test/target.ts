import { z } from 'zod';
import { RobleError } from '../../base/errors.js';

/** What a load test has to know of a server, from its `/stats`. */
export interface LoadTarget {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Of the model, as answers name it. */
  readonly model: string;
  readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  /** Answers so far by where they came from; undefined where the server does not say. */
  readonly answers: Readonly<Record<string, number>> | undefined;
}

const statsSchema = z.object({
  model: z.object({
    name: z.string(),
    input: z.object({
      height: z.int().positive(),
      width: z.int().positive(),
      channels: z.union([z.literal(1), z.literal(3)]),
    }),
  }),
  cache: z.object({ answers: z.record(z.string(), z.number()) }).optional(),
});

const PROBE_TIMEOUT_MS = 5000;

/**
 * Asks a server what it serves.
 *
 * @param url such as `http://127.0.0.1:8080`
 * @param headers of every request, such as an API key
 * @throws {RobleError} `ROBLE_USAGE` for what is no URL, `ROBLE_SERVER_UNREACHABLE` where no roble server answers
 */
export async function probeTarget(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<LoadTarget> {
  const { origin } = parseUrl(url);
  const { request } = await import('undici');
  const response = await request(`${origin}/stats`, {
    headers,
    headersTimeout: PROBE_TIMEOUT_MS,
    bodyTimeout: PROBE_TIMEOUT_MS,
  }).catch((cause: NodeJS.ErrnoException) => {
    throw unreachable(origin, cause.code ?? cause.message, cause);
  });
  const text = await response.body.text();
  if (response.statusCode !== 200) throw unreachable(origin, `GET /stats: ${response.statusCode}`);
  const parsed = statsSchema.safeParse(jsonOf(text));
  if (!parsed.success) throw unreachable(origin, `GET /stats: ${text.slice(0, 60)}`);
  const { model, cache } = parsed.data;
  return { origin, model: model.name, input: model.input, answers: cache?.answers };
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol) && parsed.pathname === '/') return parsed;
  throw new RobleError('ROBLE_USAGE', `${url} is not the address of a server.`, {
    received: url,
    expected: 'http:// or https:// with a host, and no path, such as http://127.0.0.1:8080',
  });
}

/** Undefined for what is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(origin: string, received: string, cause?: Error): RobleError {
  return new RobleError('ROBLE_SERVER_UNREACHABLE', `No roble server answers at ${origin}.`, {
    received,
    expected: 'the answer of GET /stats',
    nextSteps: ['Start one with "roble serve", which says its address.'],
    ...(cause && { cause }),
  });
}
