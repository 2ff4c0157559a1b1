import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RobleError } from '../../base/errors.js';
import { budgetOf } from './plan.js';

describe('the budget of a comparison', () => {
  it('evaluates as often as asked, or more often where an epoch is too short', () => {
    expect(budgetOf(1000, 10, 500)).toEqual({ steps: 1000, evaluations: 10, stepsBetween: 100 });
    expect(budgetOf(1000, 10, 37)).toEqual({ steps: 1000, evaluations: 40, stepsBetween: 25 });
    expect(budgetOf(7, 7, 1)).toEqual({ steps: 7, evaluations: 7, stepsBetween: 1 });
  });

  it('gives exactly the steps, in stretches that fit into the shortest epoch, or names a number that would do', () => {
    const count = fc.integer({ min: 1, max: 3000 });
    fc.assert(
      fc.property(
        count,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 500 }),
        (steps, asked, epoch) => {
          fc.pre(asked <= steps);
          const check = (of: number) => {
            const { evaluations, stepsBetween } = budgetOf(of, asked, epoch);
            expect(evaluations * stepsBetween).toBe(of);
            expect(evaluations).toBeGreaterThanOrEqual(asked);
            expect(stepsBetween).toBeLessThanOrEqual(epoch);
            expect(evaluations).toBeLessThanOrEqual(2 * Math.max(asked, Math.ceil(of / epoch)));
          };
          try {
            check(steps);
          } catch (error) {
            if (!(error instanceof RobleError)) throw error;
            check(Number(/--steps (\d+)/.exec(error.details.nextSteps![0]!)![1]));
          }
        },
      ),
    );
  });

  it('refuses more evaluations than steps', () => {
    expect(() => budgetOf(5, 6, 100)).toThrow('more evaluations than steps');
  });
});
