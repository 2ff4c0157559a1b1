import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { type Arrivals, arrivalTimes } from './arrivals.js';
import { LoadClient, type LoadClientOptions } from './client.js';
import { type LoadCounts, LoadRecorder } from './recorder.js';
import type { LoadRequest } from './requests.js';

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

export interface ClosedLoopOptions {
  /** Clients, each of which sends its next request when it has the answer of the last. */
  readonly concurrency: number;
  readonly durationSeconds: number;
}

/** As many requests as the server answers: measures throughput. Its latencies say nothing of those who come anyway. */
async function closedLoop(
  { concurrency, durationSeconds }: ClosedLoopOptions,
  { client, requestOf, recorder, signal }: LoopParts,
): Promise<void> {
  const start = performance.now();
  const elapsedMs = () => performance.now() - start;
  let index = 0;
  const isOver = () => elapsedMs() >= durationSeconds * 1000 || signal?.aborted;
  const once = () =>
    new Promise<void>((resolve) => {
      const request = requestOf(index++);
      const sentMs = elapsedMs();
      recorder.sent(sentMs, sentMs);
      client.send(request, (outcome) => {
        recorder.ended(outcome, sentMs, elapsedMs());
        resolve();
      });
    });
  const user = async () => {
    while (!isOver()) await once();
  };
  await Promise.all(Array.from({ length: concurrency }, user));
}

/** What both loops work with. */
export interface LoopParts {
  readonly client: LoadClient;
  /** By number of the request, from 0. */
  readonly requestOf: (index: number) => LoadRequest;
  readonly recorder: LoadRecorder;
  readonly signal?: AbortSignal | undefined;
}

export interface OpenLoopOptions {
  readonly ratePerSecond: number;
  readonly durationSeconds: number;
  readonly arrivals: Arrivals;
  /** Requests that are outstanding at most; what is due beyond them is dropped. */
  readonly maxOutstanding: number;
}

/** Requests that are sent in one turn of the event loop. */
const SENT_AT_ONCE = 8;

/**
 * Sends requests when they are due, whether or not earlier ones were answered. A latency counts from when its request was due, so
 * that a server that stalls is charged for all who would have come meanwhile: a loop that waits for answers would leave
 * them out (G. Tene, "How NOT to Measure Latency": coordinated omission).
 */
async function openLoop(
  { arrivals, ratePerSecond, durationSeconds, maxOutstanding }: OpenLoopOptions,
  { client, requestOf, recorder, signal }: LoopParts,
): Promise<void> {
  const start = performance.now();
  let index = 0;
  for (const dueMs of arrivalTimes(arrivals, ratePerSecond, durationSeconds)) {
    if (signal?.aborted) break;
    const earlyMs = dueMs - (performance.now() - start);
    if (earlyMs > 0) await sleep(earlyMs, undefined, { signal }).catch(() => {});
    // Behind its time, it still has to hear answers.
    else if (index % SENT_AT_ONCE === 0) await immediate();
    if (client.outstanding >= maxOutstanding) {
      recorder.dropped();
      continue;
    }
    const request = requestOf(index++);
    recorder.sent(dueMs, performance.now() - start);
    client.send(request, (outcome) => recorder.ended(outcome, dueMs, performance.now() - start));
  }
  await client.finish();
}
