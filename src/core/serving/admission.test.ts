import { setImmediate as settled } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../random/index.js';
import { Admission } from './admission.js';
import type { Priority } from './urgency.js';

const LIMIT = 1024;

interface Load {
  /** Images a second that the simulated server answers, one after the other. */
  readonly capacity: number;
  /** Images a second that come, in requests of `batch`. */
  readonly offered: (second: number) => number;
  readonly seconds: number;
  readonly batch?: number;
  /** From when to when the server answers nothing, in seconds. */
  readonly pause?: readonly [number, number];
  readonly priority?: (index: number) => Priority;
}

interface Request {
  readonly atMs: number;
  readonly priority: Priority;
  /** Undefined: refused. */
  waitMs?: number;
}

/** A server with one queue, on a clock of its own: requests come at random (a Poisson process) and wait their turn. */
async function simulate(load: Load, seed = 1): Promise<Request[]> {
  const { capacity, offered, seconds, batch = 1, priority = () => 'normal' } = load;
  const random = new Random(seed, 'synthesize');
  const requests: Request[] = [];
  const waiting: { readonly end: () => void; readonly doneMs: number }[] = [];
  let now = 0;
  let freeMs = 0;
  const [from, to] = (load.pause ?? [0, 0]).map((second) => 1000 * second) as [number, number];
  const admission = new Admission({ limit: LIMIT, isPaused: () => now > from && now < to, now: () => now });
  const passTo = async (time: number) => {
    while (waiting.length > 0 && waiting[0]!.doneMs <= time) {
      now = waiting[0]!.doneMs;
      waiting.shift()!.end();
      // The end of a promise comes after the microtasks of those that wait for it.
      await settled();
    }
    now = time;
  };
  for (let next = 0; next < 1000 * seconds; ) {
    await passTo(next);
    const request: Request = { atMs: now, priority: priority(requests.length) };
    requests.push(request);
    try {
      admission.check(request.priority);
      freeMs = Math.max(freeMs, now) + (1000 * batch) / capacity;
      if (freeMs > from && freeMs < to) freeMs = to;
      request.waitMs = freeMs - now;
      const doneMs = freeMs;
      void admission.run(batch, () => new Promise<void>((end) => waiting.push({ end, doneMs })));
    } catch (error) {
      expect(error).toMatchObject({ code: 'ROBLE_SERVER_BUSY' });
    }
    const rate = offered(next / 1000) / batch;
    next += (-1000 * Math.log(1 - random.float())) / rate;
  }
  await passTo(Number.POSITIVE_INFINITY);
  expect(admission.inHand).toBe(0);
  return requests;
}

const refused = (requests: readonly Request[]) =>
  requests.filter(({ waitMs }) => waitMs === undefined).length;

function longestWaitMs(requests: readonly Request[], fromMs: number): number {
  return requests.reduce(
    (longest, { atMs, waitMs = 0 }) => (atMs > fromMs ? Math.max(longest, waitMs) : longest),
    0,
  );
}

describe('Admission', () => {
  it('refuses what is above its limit, and nothing below, when all comes at once', async () => {
    const admission = new Admission({ limit: 10 });
    let end = () => {};
    const work = () => new Promise<void>((resolve) => (end = resolve));
    const first = admission.run(8, work);
    const over = admission.run(3, work);
    await expect(over).rejects.toMatchObject({
      code: 'ROBLE_SERVER_BUSY',
      details: { received: /8 in hand/ },
    });
    admission.check();
    end();
    await first;
    expect(admission.inHand).toBe(0);
  });

  const capacity = fc.integer({ min: 200, max: 5000 });
  const batch = fc.constantFrom(1, 4, 16);
  const seed = fc.integer({ min: 0, max: 1000 });

  it('lets all in below the capacity, also when the server stands still for a while', () =>
    fc.assert(
      fc.asyncProperty(capacity, batch, seed, async (capacity, batch, seed) => {
        // Seven tenths of a second, as a process takes to come back; more may come than the limit holds.
        const offered = () => Math.min(0.5 * capacity, 1000);
        const requests = await simulate({ capacity, offered, seconds: 6, batch, pause: [2, 2.7] }, seed);
        expect(refused(requests)).toBe(0);
      }),
      { numRuns: 10 },
    ));

  it('keeps the wait short when more comes than can be answered, and answers no less for it', () =>
    fc.assert(
      fc.asyncProperty(capacity, batch, seed, async (capacity, batch, seed) => {
        const seconds = 10;
        const requests = await simulate({ capacity, offered: () => 3 * capacity, seconds, batch }, seed);
        // A time of 50 ms and what is always let in, or twice that where the mean is off, after the first seconds.
        const shortMs = 2 * Math.max(50, (1000 * (32 + batch)) / capacity);
        expect(longestWaitMs(requests, 5000)).toBeLessThan(shortMs);
        const answered = batch * (requests.length - refused(requests));
        expect(answered / seconds / capacity).toBeGreaterThan(0.95);
      }),
      { numRuns: 10 },
    ));

  it('forgets the overload when it is over', async () => {
    const offered = (second: number) => (second < 5 ? 3000 : 700);
    const requests = await simulate({ capacity: 1000, offered, seconds: 12 });
    const later = requests.filter(({ atMs }) => atMs > 7000);
    expect(refused(requests)).toBeGreaterThan(1000);
    expect(refused(later)).toBe(0);
  });

  it('refuses those first who may wait, and last those who may not', async () => {
    const priority = (index: number) => (['low', 'normal', 'high'] as const)[index % 3]!;
    const requests = await simulate({ capacity: 1000, offered: () => 1600, seconds: 10, priority });
    const shareOf = (wanted: Priority) => {
      const those = requests.filter(({ atMs, priority }) => atMs > 4000 && priority === wanted);
      return refused(those) / those.length;
    };
    expect(shareOf('high')).toBe(0);
    expect(shareOf('normal')).toBeLessThan(0.5);
    expect(shareOf('low')).toBeGreaterThan(0.7);
  });

  it('lets a few wait for a model that takes long for one', async () => {
    const requests = await simulate({ capacity: 2, offered: () => 3, seconds: 120 });
    // Of 360 requests two minutes are enough for 240; 32 wait, and a few more after a second without one too many.
    expect(refused(requests)).toBeGreaterThan(40);
    expect(refused(requests)).toBeLessThan(120);
    expect(longestWaitMs(requests, 0)).toBeLessThan((1000 * 40) / 2);
  });
});
