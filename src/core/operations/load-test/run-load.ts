import type { Arrivals } from './arrivals.js';
import { closedLoop } from './closed-loop.js';
import { LoadClient, type LoadClientOptions } from './client.js';
import { type LoadCounts, LoadRecorder } from './recorder.js';
import type { LoadRequest } from './requests.js';
import { openLoop } from './open-loop.js';

export interface RunLoadOptions extends LoadClientOptions {
  readonly load: Load;
  readonly durationSeconds: number;
  /** The same load before the one that is measured, on the same connections. */
  readonly warmUpSeconds: number;
  readonly requestOf: (index: number) => LoadRequest;
  /** Pictures in one request. */
  readonly batch: number;
  readonly signal?: AbortSignal | undefined;
}

/** Requests that come when they come, or clients that wait for their answers. */
export type Load =
  | { readonly loop: 'open'; readonly ratePerSecond: number; readonly arrivals: Arrivals }
  | { readonly loop: 'closed'; readonly concurrency: number };

export interface LoadMeasurement extends LoadCounts {
  readonly load: Load;
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** Accepted ones, and their pictures. */
  readonly requestsPerSecond: number;
  readonly imagesPerSecond: number;
  /** Requests that were answered before the measurement began. */
  readonly warmUpAnswered: number;
  /** Whether the generator sent what was due, about when it was due. Always true of a closed loop. */
  readonly keptRate: boolean;
}

/** Outstanding requests after which an open loop drops what is due: the server is lost, and memory is not endless. */
const MAX_OUTSTANDING = 20_000;
/** A generator whose last percent of requests is later than this measures itself. */
const MAX_LAG_MS = 50;

/** Puts a load on a server and measures. */
export async function runLoad(options: RunLoadOptions): Promise<LoadMeasurement> {
  const { load, durationSeconds, warmUpSeconds, batch } = options;
  const client = await LoadClient.open(options);
  let sent = 0;
  const requestOf = () => options.requestOf(sent++);
  const run = async (seconds: number) => {
    const recorder = new LoadRecorder(seconds);
    const parts = { client, requestOf, recorder, signal: options.signal };
    if (load.loop === 'closed') await closedLoop({ ...load, durationSeconds: seconds }, parts);
    else await openLoop({ ...load, durationSeconds: seconds, maxOutstanding: MAX_OUTSTANDING }, parts);
    return recorder.counts();
  };
  try {
    const warmUp = warmUpSeconds > 0 ? await run(warmUpSeconds) : undefined;
    const started = performance.now();
    const counts = await run(durationSeconds);
    const seconds = (performance.now() - started) / 1000;
    const requestsPerSecond = counts.accepted / seconds;
    return {
      load,
      seconds,
      requestsPerSecond,
      imagesPerSecond: requestsPerSecond * batch,
      warmUpAnswered: warmUp?.answered ?? 0,
      keptRate: counts.dropped === 0 && (counts.lagMs?.p99 ?? 0) <= MAX_LAG_MS,
      ...counts,
    };
  } finally {
    await client.close();
  }
}
