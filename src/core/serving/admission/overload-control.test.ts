import { setImmediate as settled } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../base/random.js';
import { PRIORITIES, type Priority } from '../request/urgency.js';
import { OverloadControl } from './overload-control.js';

const MAX_IMAGES = 1024;
/** Images that a worker takes at once. */
const MAX_BATCH = 64;

interface Server {
  /** Images a second of all workers together. */
  readonly capacity: number;
  readonly workers?: number;
  /** From when to when it answers nothing, in seconds. */
  readonly pause?: readonly [from: number, to: number];
  /** From the headers of a request to the end of its body. */
  readonly uploadMs?: number;
}

interface Request {
  readonly atMs: number;
  readonly images: number;
  readonly priority?: Priority;
  /** From its headers to its answer; undefined: refused. */
  totalMs?: number;
}

/** Requests of so many images that come at random (a Poisson process), at a rate of images a second. */
function poisson(
  rate: number,
  [from, to]: readonly [from: number, to: number],
  { images = 1, seed = 1, priority }: { images?: number; seed?: number; priority?: Priority } = {},
): Request[] {
  const random = new Random(seed, 'synthesize');
  const requests: Request[] = [];
  const gap = () => (-1000 * images * Math.log(1 - random.float())) / rate;
  for (let atMs = 1000 * from + gap(); atMs < 1000 * to; atMs += gap())
    requests.push({ atMs, images, ...(priority && { priority }) });
  return requests;
}

/** Workers with one queue, on a clock of their own. Tells of each request what became of it. */
async function simulate(
  { capacity, workers = 1, pause: [from, to] = [0, 0], uploadMs = 0 }: Server,
  requests: readonly Request[],
): Promise<void> {
  let now = 0;
  const isPaused = () => now > 1000 * from && now < 1000 * to;
  const control = new OverloadControl({ maxImages: MAX_IMAGES, isPaused, now: () => now });
  /** What happens, and whether promises end by it. */
  const events: { readonly atMs: number; readonly happen: () => boolean }[] = [];
  const at = (atMs: number, happen: () => boolean) => {
    let place = events.length;
    while (place > 0 && events[place - 1]!.atMs < atMs) place--;
    // The next one is the last of the list.
    events.splice(place, 0, { atMs, happen });
  };
  const queue: { readonly priority: Priority; readonly answered: () => void }[] = [];
  let inFlight = 0;
  let idle = workers;
  const dispatch = () => {
    while (idle > 0 && queue.length > 0) {
      queue.sort((a, b) => PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority));
      const batch = queue.splice(0, Math.min(MAX_BATCH, Math.ceil(queue.length / workers)));
      let doneMs = now + (1000 * workers * batch.length) / capacity;
      if (doneMs > 1000 * from && doneMs < 1000 * to) doneMs = 1000 * to;
      idle--;
      at(doneMs, () => {
        idle++;
        for (const { answered } of batch) answered();
        dispatch();
        return true;
      });
    }
  };
  const admits = ({ images, priority }: Request) =>
    control.admits(priority) && inFlight + images <= MAX_IMAGES;
  const letIn = (request: Request) => {
    if (!admits(request)) return false;
    inFlight += request.images;
    const images = Array.from({ length: request.images }, async () => {
      control.imageEnters();
      await new Promise<void>((answered) => {
        queue.push({ priority: request.priority ?? 'normal', answered });
      });
      control.imageLeaves(true);
      inFlight--;
    });
    control.requestEnters();
    void Promise.all(images).then(() => {
      control.requestLeaves();
      request.totalMs = now - request.atMs;
    });
    dispatch();
    return true;
  };
  for (const request of [...requests].sort((a, b) => b.atMs - a.atMs))
    at(request.atMs, () => {
      if (admits(request)) at(now + uploadMs, () => letIn(request));
      return false;
    });
  for (let event = events.pop(); event; event = events.pop()) {
    now = event.atMs;
    // Promises end before the next event.
    if (event.happen()) await settled();
  }
  expect(inFlight).toBe(0);
  expect(control.waitMs).toBe(0);
}

const isRefused = ({ totalMs }: Request) => totalMs === undefined;
const later = (requests: readonly Request[], second: number) =>
  requests.filter(({ atMs }) => atMs > 1000 * second);
const shareRefused = (requests: readonly Request[]) => requests.filter(isRefused).length / requests.length;
const longestMs = (requests: readonly Request[]) =>
  requests.reduce((longest, { totalMs = 0 }) => Math.max(longest, totalMs), 0);

const capacities = fc.integer({ min: 200, max: 5000 });
const workerCounts = fc.constantFrom(1, 2, 4);
const batches = fc.constantFrom(1, 4, 16);
const seeds = fc.integer({ min: 0, max: 1000 });

describe('OverloadControl', () => {
  it('lets all in below the capacity, also when the server stands still for a while', () =>
    fc.assert(
      fc.asyncProperty(capacities, workerCounts, batches, seeds, async (capacity, workers, images, seed) => {
        // Seven tenths of a second, as a process takes to come back; no more comes meanwhile than is let in at most.
        const requests = poisson(Math.min(0.5 * capacity, 800), [0, 6], { images, seed });
        await simulate({ capacity, workers, pause: [2, 2.7] }, requests);
        expect(requests.filter(isRefused)).toEqual([]);
      }),
      { seed: 5, numRuns: 20 },
    ));

  it('keeps the wait short when more comes than can be answered, and answers no less for it', () =>
    fc.assert(
      fc.asyncProperty(capacities, workerCounts, batches, seeds, async (capacity, workers, images, seed) => {
        const seconds = 10;
        const requests = poisson(3 * capacity, [0, seconds], { images, seed });
        await simulate({ capacity, workers, uploadMs: 5 }, requests);
        // The shortest wait, or what is always let in, for what comes during an upload too; and the last batch of a worker.
        const room = Math.max((50 * capacity) / 1000, 32, 8 * images);
        const bound = (1000 * (room + images + workers * MAX_BATCH)) / capacity + 5;
        expect(longestMs(later(requests, 5))).toBeLessThan(1.5 * bound);
        const answered = requests.reduce(
          (sum, request) => sum + (isRefused(request) ? 0 : request.images),
          0,
        );
        expect(answered / seconds / capacity).toBeGreaterThan(0.9);
      }),
      { seed: 5, numRuns: 12 },
    ));

  it.each([
    [1, 2],
    [16, 2],
    [64, 2],
    [1, 4],
    [1, 8],
    [4, 8],
  ])(
    'forgets the overload when it is over, with %d images a request and %d workers',
    async (images, workers) => {
      const flood = poisson(3000, [0, 4], { images });
      const normal = poisson(700, [4, 15], { images, seed: 2 });
      await simulate({ capacity: 1000, workers }, [...flood, ...normal]);
      expect(shareRefused(flood)).toBeGreaterThan(0.3);
      expect(shareRefused(later(normal, 7))).toBe(0);
    },
  );

  it('forgets it also where requests come in waves', async () => {
    const flood = poisson(3000, [0, 4]);
    const waves = Array.from({ length: 20 }, (_, wave) =>
      Array.from({ length: 300 }, () => ({ atMs: 5000 + 900 * wave, images: 1 })),
    ).flat();
    await simulate({ capacity: 1000 }, [...flood, ...waves]);
    expect(shareRefused(later(waves, 9))).toBe(0);
  });

  it('lets others in beside a client that sends one large batch after the other and can wait', async () => {
    const large = Array.from({ length: 12 }, (_, i) => ({
      atMs: 5000 * i,
      images: 256,
      priority: 'low' as const,
    }));
    const single = poisson(3, [0, 60]);
    await simulate({ capacity: 60 }, [...large, ...single]);
    expect(shareRefused(single)).toBe(0);
    expect(shareRefused(large)).toBe(0);
  });

  it.each([100, 1000])(
    'refuses those first who may wait, and last those who may not, at %d images a second',
    async (capacity) => {
      const [low, normal, high] = (['low', 'normal', 'high'] as const).map((priority, seed) =>
        poisson(0.53 * capacity, [0, 20], { priority, seed }),
      ) as [Request[], Request[], Request[]];
      await simulate({ capacity }, [...low, ...normal, ...high]);
      const [ofLow, ofNormal, ofHigh] = [low, normal, high].map((those) => shareRefused(later(those, 6)));
      expect(ofHigh).toBeLessThan(0.05);
      expect(ofNormal).toBeLessThan(0.6);
      expect(ofLow).toBeGreaterThan(0.7);
    },
  );

  it('lets a few wait for a model that takes long for one', async () => {
    const requests = poisson(3, [0, 120]);
    await simulate({ capacity: 2 }, requests);
    expect(shareRefused(requests)).toBeLessThan(0.4);
    expect(longestMs(requests)).toBeLessThan((1000 * 45) / 2);
  });

  it('says of a server that stands still how long one waits by now, and of an idle one that it does not', async () => {
    let now = 0;
    const control = new OverloadControl({ maxImages: MAX_IMAGES, now: () => now });
    expect([control.waitMs, control.isOverloaded]).toEqual([0, false]);
    const answers: (() => void)[] = [];
    const ask = async () => {
      control.requestEnters();
      control.imageEnters();
      await new Promise<void>((end) => answers.push(end));
      control.imageLeaves(true);
      control.requestLeaves();
    };
    const answerAll = async () => {
      for (const answer of answers.splice(0)) answer();
      await settled();
    };
    for (let i = 0; i < 100; i++) {
      void ask();
      now += 1;
      await answerAll();
    }
    for (let i = 0; i < 100; i++) void ask();
    const before = control.waitMs;
    now += 2000;
    expect(control.waitMs).toBeGreaterThan(3 * before);
    now += 30_000;
    expect(control.waitMs).toBe(60_000);
    void ask();
    now += 1100;
    expect(control.isOverloaded).toBe(true);
    await answerAll();
    now += 1100;
    expect([control.waitMs, control.isOverloaded]).toEqual([0, false]);
  });
});
