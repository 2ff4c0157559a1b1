/**
 * Maps an iterable with a bounded number of items in flight, and gives the results in the order of the input, so that
 * what follows does not depend on how many there were.
 *
 * @example
 * for await (const pixels of mapOrdered(files, 8, decode)) write(pixels);
 */
export async function* mapOrdered<T, R>(
  items: AsyncIterable<T>,
  concurrency: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const pending: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = map(item);
      // It may fail before its turn comes; the failure is thrown when it is awaited.
      result.catch(() => {});
      pending.push(result);
      if (pending.length >= concurrency) yield await pending.shift()!;
    }
    while (pending.length > 0) yield await pending.shift()!;
  } finally {
    await Promise.allSettled(pending);
  }
}
