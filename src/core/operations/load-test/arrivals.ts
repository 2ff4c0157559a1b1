import { Random } from '../../base/random.js';

/** Equal gaps, or those of a Poisson process, in which arrivals know nothing of each other, as those of many users. */
export const ARRIVALS = ['even', 'poisson'] as const;
export type Arrivals = (typeof ARRIVALS)[number];

/** When requests are due, in milliseconds from the start; the same ones in every test. */
export function* arrivalTimes(
  arrivals: Arrivals,
  ratePerSecond: number,
  durationSeconds: number,
): Generator<number, void> {
  const gapMs = 1000 / ratePerSecond;
  const endMs = durationSeconds * 1000;
  if (arrivals === 'even') {
    const count = Math.round(endMs / gapMs);
    for (let i = 0; i < count; i++) yield i * gapMs;
    return;
  }
  const random = new Random(0, 'synthesize', 0, 1);
  // The gaps of a Poisson process are exponential.
  const next = () => -Math.log1p(-random.float()) * gapMs;
  for (let dueMs = next(); dueMs < endMs; dueMs += next()) yield dueMs;
}
