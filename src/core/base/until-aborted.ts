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
  /** Ends the wait for the item that is under way. A promise for all of them would keep something of each. */
  let abort = () => {};
  const onAbort = () => abort();
  signal?.addEventListener('abort', onAbort);
  const alive = setInterval(() => {}, ALIVE_MS);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await new Promise<IteratorResult<T>>((resolve, reject) => {
        abort = () => reject(signal?.reason);
        iterator.next().then(resolve, reject);
      });
      if (done) return;
      yield value;
    }
  } finally {
    clearInterval(alive);
    signal?.removeEventListener('abort', onAbort);
    // Not waited for: it may be what never ends.
    void iterator.return?.()?.then(undefined, () => {});
  }
}
