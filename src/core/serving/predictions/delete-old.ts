import { setTimeout as sleep } from 'node:timers/promises';
import type { PredictionStore } from './prediction-store.js';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Rows that one statement deletes: it must not hold up those that write. */
const AT_ONCE = 1000;
const PAUSE_MS = 100;

export interface DeleteOldOptions {
  readonly store: PredictionStore;
  /** Older predictions go, unless they have feedback. */
  readonly keepDays: number;
  readonly signal: AbortSignal;
  /** Told that a deletion was not possible; it is tried again an hour later. */
  readonly failed: (error: Error) => void;
}

/** Deletes old predictions, now and each hour, until the signal. */
export async function deleteOldPredictions(options: DeleteOldOptions): Promise<void> {
  const { signal, failed } = options;
  while (!signal.aborted) {
    await deleteOnce(options).catch((error) => {
      if (!signal.aborted) failed(error);
    });
    await sleep(HOUR_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}

async function deleteOnce({ store, keepDays, signal }: DeleteOldOptions): Promise<void> {
  const oldest = new Date(Date.now() - keepDays * DAY_MS);
  while ((await store.deleteWithoutFeedback(oldest, AT_ONCE)) === AT_ONCE)
    await sleep(PAUSE_MS, undefined, { signal, ref: false });
}
