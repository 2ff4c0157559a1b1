/**
 * What a work gives, or what `late` gives or throws when the work has not ended in time. It is not ended then: nobody waits
 * for it any longer.
 *
 * @example
 * await withinTime(() => ask(server), 1000, () => undefined);
 */
export async function withinTime<T>(work: () => T | Promise<T>, limitMs: number, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  try {
    return await Promise.race([(async () => work())(), end.then(late)]);
  } finally {
    clearTimeout(timer);
  }
}
