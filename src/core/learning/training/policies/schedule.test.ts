import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learningRateFactor } from './schedule.js';

const STEPS_PER_EPOCH = 10;
const TOTAL = 100;
/** Of the cosine: a few units in the last place of numbers up to 1. */
const ROUNDING = 1e-12;
const factor = (schedule: Parameters<typeof learningRateFactor>[0], step: number) =>
  learningRateFactor(schedule, step, STEPS_PER_EPOCH, TOTAL);

describe('learningRateFactor', () => {
  it('is 1 throughout a constant schedule', () => {
    for (let step = 0; step < TOTAL; step++)
      expect(factor({ type: 'constant', warmupEpochs: 0 }, step)).toBe(1);
  });

  it('rises in a straight line while warming up, and is whole from its last step on', () => {
    const schedule = { type: 'constant', warmupEpochs: 2 } as const;
    const factors = Array.from({ length: 25 }, (_, step) => factor(schedule, step));
    for (let step = 0; step < 20; step++) expect(factors[step]).toBeCloseTo((step + 1) / 20, 12);
    expect(factors.slice(20)).toEqual(Array(5).fill(1));
  });

  it('follows half a cosine from 1 towards the final share', () => {
    const schedule = { type: 'cosine', warmupEpochs: 0, finalFactor: 0.1 } as const;
    expect(factor(schedule, 0)).toBe(1);
    expect(factor(schedule, 50)).toBeCloseTo(0.55, 12);
    expect(factor(schedule, TOTAL)).toBeCloseTo(0.1, 12);
    for (let step = 1; step <= TOTAL; step++)
      expect(factor(schedule, step)).toBeLessThan(factor(schedule, step - 1));
  });

  it('multiplies by the factor at each cut of a step schedule', () => {
    const schedule = { type: 'step', warmupEpochs: 0, everyEpochs: 3, factor: 0.5 } as const;
    expect([0, 29, 30, 59, 60].map((step) => factor(schedule, step))).toEqual([1, 1, 0.5, 0.5, 0.25]);
  });

  describe('of one cycle', () => {
    const schedule = { type: 'oneCycle', warmupShare: 0.3, initialFactor: 0.04, finalFactor: 4e-6 } as const;

    // torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=100, pct_start=0.3), written from its definition:
    // two phases that end at step 0.3 * 100 - 1 and at step 99.
    it.each([
      [0, 0.04],
      [10, 0.04 + 0.96 * Math.sin((Math.PI / 2) * (10 / 29)) ** 2],
      [29, 1],
      [64, 4e-6 + (1 - 4e-6) / 2],
      [99, 4e-6],
      [100, 4e-6],
    ])('is at step %i what PyTorch gives', (step, expected) => {
      expect(factor(schedule, step)).toBeCloseTo(expected, 12);
    });

    it('rises to 1 and falls from there, whatever the shape', () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 400 }),
          fc.double({ min: 0.01, max: 0.99, noNaN: true }),
          fc.double({ min: 0.01, max: 1, noNaN: true }),
          fc.double({ min: 0, max: 1, noNaN: true }),
          (total, warmupShare, initialFactor, finalFactor) => {
            const cycle = { type: 'oneCycle', warmupShare, initialFactor, finalFactor } as const;
            const factors = Array.from({ length: total }, (_, step) =>
              learningRateFactor(cycle, step, STEPS_PER_EPOCH, total),
            );
            const peak = Math.max(warmupShare * total - 1, 0);
            const isOutside = (value: number, step: number) =>
              value < (step < peak ? initialFactor : finalFactor) - ROUNDING || value > 1 + ROUNDING;
            expect(factors.filter(isOutside)).toEqual([]);
            const changes = factors.slice(1).map((value, i) => value - factors[i]!);
            const isWrong = (change: number, i: number) =>
              (i + 1 <= peak && change < -ROUNDING) || (i >= peak && change > ROUNDING);
            expect(changes.filter(isWrong)).toEqual([]);
          },
        ),
      );
    });
  });
});
