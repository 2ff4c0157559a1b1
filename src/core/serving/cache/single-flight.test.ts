import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Cancellation, type Urgency } from '../request/urgency.js';
import { SingleFlight } from './answer-cache.js';

/** A computation that ends when it is told to, and says what became of those who wait for it. */
function controlled() {
  let finish: (value: number) => void = () => {};
  const seen: Urgency[] = [];
  const compute = (urgency: Urgency) => {
    seen.push(urgency);
    return new Promise<number>((resolve) => {
      finish = resolve;
    });
  };
  return { compute, seen, finish: (value: number) => finish(value) };
}

describe('SingleFlight', () => {
  it('computes once for all who ask at the same time, and anew for who asks later', async () => {
    const flight = new SingleFlight<number>();
    const { compute, seen, finish } = controlled();
    const all = [1, 2, 3].map(() => flight.run('key', {}, compute));
    const other = flight.run('other', {}, async () => 9);
    expect((await other).value).toBe(9);
    finish(7);
    expect(await Promise.all(all)).toEqual([
      { value: 7, shared: false },
      { value: 7, shared: true },
      { value: 7, shared: true },
    ]);
    expect(seen).toHaveLength(1);
    const again = flight.run('key', {}, compute);
    await sleep(0);
    finish(8);
    expect(await again).toEqual({ value: 8, shared: false });
  });

  it('goes on while somebody waits, and is cancelled when the last one has gone', async () => {
    const flight = new SingleFlight<number>();
    const { compute, seen } = controlled();
    const [first, second] = [new Cancellation(), new Cancellation()];
    const waiting = [first, second].map((cancellation) => flight.run('key', { cancellation }, compute));
    const outcomes = Promise.allSettled(waiting);
    await sleep(0);
    first.cancel('abandoned');
    await sleep(0);
    expect(seen[0]!.cancellation!.reason).toBeUndefined();
    second.cancel('abandoned');
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ROBLE_REQUEST_ABANDONED' } });
    expect(seen[0]!.cancellation!.reason).toBe('abandoned');
    // Nobody is put on the computation that was cancelled.
    void flight.run('key', {}, compute);
    await sleep(0);
    expect(seen).toHaveLength(2);
  });

  it('has the deadline of the most patient one, and tells the others in time', async () => {
    const flight = new SingleFlight<number>();
    const { compute, seen, finish } = controlled();
    const now = performance.now();
    const hasty = flight.run('key', { deadline: now + 20 }, compute);
    const patient = flight.run('key', { deadline: now + 60_000 }, compute);
    await expect(hasty).rejects.toMatchObject({ code: 'ROBLE_DEADLINE_EXCEEDED' });
    expect(seen[0]!.deadline).toBe(now + 60_000);
    finish(1);
    expect((await patient).value).toBe(1);
  });

  it('fails all who wait when the computation does, and tries again for the next', async () => {
    const flight = new SingleFlight<number>();
    const broken = async () => {
      throw new Error('broken');
    };
    const outcomes = await Promise.allSettled([1, 2].map(() => flight.run('key', {}, broken)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await flight.run('key', {}, async () => 5)).toEqual({ value: 5, shared: false });
  });
});
