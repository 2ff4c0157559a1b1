import type { LoadMeasurement } from './run-load.js';

export interface KneeLimits {
  /** Of the accepted requests, in milliseconds. */
  readonly p99Ms: number;
  /** Of the requests that were refused, failed or dropped, 0..1. */
  readonly badShare: number;
}

/** One rate that was tried. */
export interface KneeStep {
  readonly ratePerSecond: number;
  readonly measurement: LoadMeasurement;
  /** Why the rate was not held; undefined where it was. */
  readonly missed?: 'latency' | 'errors' | 'generator';
}

export interface Knee {
  /** The highest rate that was held; null when not even the first was. */
  readonly ratePerSecond: number | null;
  /** In the order in which they were tried. */
  readonly steps: readonly KneeStep[];
  readonly limits: KneeLimits;
}

/** Each rate is this multiple of the last, until one is not held... */
const GROWTH = 1.5;
/** ...then this many rates between the last two are tried. */
const BISECTIONS = 3;

/**
 * The highest rate that a server holds.
 *
 * @param measure an open loop at a rate
 */
export async function findKnee(
  firstRate: number,
  limits: KneeLimits,
  measure: (ratePerSecond: number) => Promise<LoadMeasurement>,
): Promise<Knee> {
  const steps: KneeStep[] = [];
  const holds = async (ratePerSecond: number) => {
    const measurement = await measure(ratePerSecond);
    const missed = missedLimit(measurement, limits);
    steps.push({ ratePerSecond, measurement, ...(missed && { missed }) });
    return missed === undefined;
  };
  let held = 0;
  let lost = firstRate;
  while (await holds(lost)) [held, lost] = [lost, Math.round(lost * GROWTH + 1)];
  for (let i = 0; i < BISECTIONS && lost - held > 1; i++) {
    const middle = Math.round((held + lost) / 2);
    if (await holds(middle)) held = middle;
    else lost = middle;
  }
  return { ratePerSecond: held || null, steps, limits };
}

/** A generator that cannot keep the rate says nothing of the server, so that comes first. */
export function missedLimit(
  { keptRate, latencyMs, sent, accepted, dropped }: LoadMeasurement,
  { p99Ms, badShare }: KneeLimits,
): KneeStep['missed'] {
  if (!keptRate) return 'generator';
  if (1 - accepted / Math.max(1, sent + dropped) > badShare) return 'errors';
  return (latencyMs?.p99 ?? 0) > p99Ms ? 'latency' : undefined;
}
