import type { LoopParts } from './open-loop.js';

export interface ClosedLoopOptions {
  /** Clients, each of which sends its next request when it has the answer of the last. */
  readonly concurrency: number;
  readonly durationSeconds: number;
}

/** As many requests as the server answers: measures throughput. Its latencies say nothing of those who come anyway. */
export async function closedLoop(
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
