import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cancellation, PRIORITIES, type Urgency } from '../request/urgency.js';
import { ImageQueue, type Job } from './pool.js';

function job(id: number, urgency: Urgency, failures: Map<number, string>): Job {
  return {
    urgency,
    image: Uint8Array.of(id),
    retried: false,
    settle: () => {},
    fail: (error) => failures.set(id, (error as Error & { code: string }).code),
  };
}
function cancellationOf(isAbandoned: boolean): Cancellation {
  const cancellation = new Cancellation();
  if (isAbandoned) cancellation.cancel('abandoned');
  return cancellation;
}
const idOf = ({ image }: Job) => image[0]!;

describe('ImageQueue', () => {
  it('gives every image once, by priority and then age, or fails it once with its reason', () => {
    const given = fc.record({
      priority: fc.constantFrom(...PRIORITIES),
      fate: fc.constantFrom('wanted', 'expired', 'abandoned'),
    });
    fc.assert(
      fc.property(fc.array(given, { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (images, limit) => {
        const queue = new ImageQueue();
        const failures = new Map<number, string>();
        for (const [id, { priority, fate }] of images.entries())
          queue.push(
            job(
              id,
              {
                priority,
                deadline: fate === 'expired' ? performance.now() - 1 : performance.now() + 60_000,
                cancellation: cancellationOf(fate === 'abandoned'),
              },
              failures,
            ),
          );
        const taken: number[] = [];
        for (let batch = queue.take(limit); batch.length > 0; batch = queue.take(limit)) {
          expect(batch.length).toBeLessThanOrEqual(limit);
          taken.push(...batch.map(idOf));
        }
        const ids = images.map((image, id) => ({ ...image, id }));
        const wanted = ids.filter(({ fate }) => fate === 'wanted');
        expect(taken).toEqual(
          PRIORITIES.flatMap((name) => wanted.filter(({ priority }) => priority === name)).map(
            ({ id }) => id,
          ),
        );
        for (const { id, fate } of ids)
          expect(failures.get(id)).toBe(
            { wanted: undefined, expired: 'ROBLE_DEADLINE_EXCEEDED', abandoned: 'ROBLE_REQUEST_ABANDONED' }[
              fate
            ],
          );
        expect(queue.length).toBe(0);
        expect(queue.dropped.expired + queue.dropped.abandoned).toBe(images.length - wanted.length);
      }),
      { seed: 5 },
    );
  });

  it('gives second tries first, each alone', () => {
    const queue = new ImageQueue();
    const jobs = [0, 1, 2, 3].map((id) => job(id, {}, new Map()));
    queue.push(jobs[3]!);
    queue.retry(jobs.slice(0, 3));
    expect([1, 2, 3, 4].map(() => queue.take(64).map(idOf))).toEqual([[0], [1], [2], [3]]);
    expect(jobs.map(({ retried }) => retried)).toEqual([true, true, true, false]);
  });

  it('keeps second tries for another one where it is told so', () => {
    const queue = new ImageQueue();
    const jobs = [0, 1, 2].map((id) => job(id, {}, new Map()));
    queue.push(jobs[1]!);
    queue.push(jobs[2]!);
    queue.retry(jobs.slice(0, 1));
    expect(queue.take(64, false).map(idOf)).toEqual([1, 2]);
    expect(queue.take(64, false)).toEqual([]);
    expect(queue.take(64).map(idOf)).toEqual([0]);
  });
});
