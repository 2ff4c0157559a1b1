/**
 * Answers one question at a time; of those that come meanwhile only the newest is kept.
 *
 * @param work told by `isNewest` whether anybody still wants the answer
 */
export function newestOnly<Q>(
  work: (question: Q, isNewest: () => boolean) => Promise<void>,
): (question: Q) => Promise<void> {
  let waiting: { readonly question: Q } | undefined;
  let isWorking = false;
  return async (question) => {
    waiting = { question };
    if (isWorking) return;
    isWorking = true;
    try {
      while (waiting) {
        const next: { readonly question: Q } = waiting;
        waiting = undefined;
        await work(next.question, () => waiting === undefined);
      }
    } finally {
      isWorking = false;
    }
  };
}
