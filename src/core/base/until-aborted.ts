/** Keeps the process alive, which would end in silence where nothing else does. */
const ALIVE_MS = 60_000;

/**
 * The items of a source that may never give one: an abort ends the wait for it.
 *
 * @throws the reason of the signal
 */
export async function* untilAborted<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
  });
  aborted.catch(() => {});
  const alive = setInterval(() => {}, ALIVE_MS);
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), aborted]);
      if (done) return;
      yield value;
    }
  } finally {
    clearInterval(alive);
    signal?.removeEventListener('abort', abort);
    // Not waited for: it may be what never ends.
    void iterator.return?.()?.then(undefined, () => {});
  }
}
