import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { type Arrivals, arrivalTimes } from './arrivals.js';
import type { LoadClient } from './client.js';
import type { LoadRecorder } from './recorder.js';
import type { LoadRequest } from './requests.js';

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
 * Sends requests when they are due, whatever became of those before. A latency counts from when its request was due, so
 * that a server that stalls is charged for all who would have come meanwhile: a loop that waits for answers would leave
 * them out (G. Tene, "How NOT to Measure Latency": coordinated omission).
 */
export async function openLoop(
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
