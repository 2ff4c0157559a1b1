import { describe, expect, it } from 'vitest';
import { learningRateFactor } from './schedule.js';

const STEPS_PER_EPOCH = 10;
const TOTAL = 100;
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
});
