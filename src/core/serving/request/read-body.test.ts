import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Semaphore } from './read-body.js';

it('as many run at a time as may, in the order in which they came, also after failures', async () => {
  const work = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      work,
      fc.scheduler(),
      async (atOnce, fails, scheduler) => {
        const semaphore = new Semaphore(atOnce);
        const begun: number[] = [];
        let running = 0;
        const all = Promise.allSettled(
          fails.map((fail, index) =>
            semaphore.run(async () => {
              begun.push(index);
              running++;
              expect(running).toBeLessThanOrEqual(atOnce);
              await scheduler.schedule(Promise.resolve());
              running--;
              if (fail) throw new Error('no');
              return index;
            }),
          ),
        );
        const results = await scheduler.waitFor(all);
        expect(begun).toEqual(fails.map((_, index) => index));
        expect(results.map(({ status }) => status === 'rejected')).toEqual(fails);
      },
    ),
  );
});
