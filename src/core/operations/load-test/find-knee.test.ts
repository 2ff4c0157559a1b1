import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findKnee, missedLimit } from './find-knee.js';
import type { LoadMeasurement } from './run-load.js';

const LIMITS = { p99Ms: 50, badShare: 0.01 };
const latency = (ms: number) => ({ p50: ms, p90: ms, p99: ms, p999: ms, max: ms });
const measurement = (part: Partial<LoadMeasurement>): LoadMeasurement => ({
  load: { loop: 'open', ratePerSecond: 1, arrivals: 'even' },
  seconds: 1,
  requestsPerSecond: 1,
  imagesPerSecond: 1,
  warmUpAnswered: 0,
  keptRate: true,
  sent: 1000,
  answered: 1000,
  accepted: 1000,
  statuses: { 200: 1000 },
  failed: 0,
  failures: {},
  dropped: 0,
  latencyMs: latency(5),
  lagMs: latency(0.5),
  intervals: [],
  ...part,
});

describe('findKnee', () => {
  it('comes close to the capacity from below, whatever it is and wherever it begins', async () => {
    const rate = fc.integer({ min: 2, max: 100_000 });
    await fc.assert(
      fc.asyncProperty(rate, rate, async (capacity, first) => {
        const knee = await findKnee(first, LIMITS, async (ratePerSecond) =>
          measurement({ latencyMs: latency(ratePerSecond > capacity ? 500 : 5) }),
        );
        if (knee.ratePerSecond !== null) expect(knee.ratePerSecond).toBeLessThanOrEqual(capacity);
        // Beginning below, the last growth of a half is cut in halves three times.
        if (first <= capacity)
          expect(knee.ratePerSecond!).toBeGreaterThanOrEqual(Math.floor(capacity / 1.07) - 2);
        expect(knee.steps.some(({ missed }) => missed === 'latency')).toBe(true);
      }),
    );
  });
});

describe('missedLimit', () => {
  it.each([
    [{}, undefined],
    [{ latencyMs: latency(51) }, 'latency'],
    [{ accepted: 985 }, 'errors'],
    [{ dropped: 20 }, 'errors'],
    [{ accepted: 0, latencyMs: null }, 'errors'],
    [{ keptRate: false, latencyMs: latency(500) }, 'generator'],
  ] as const)('of %j is %s', (part, missed) => {
    expect(missedLimit(measurement(part), LIMITS)).toBe(missed);
  });
});
