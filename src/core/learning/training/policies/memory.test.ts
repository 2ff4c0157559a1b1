import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grow, memoryFor, shrink, shrinkTo } from './memory.js';

const settings = { microbatchSize: 0, evaluationBatchSize: 64 };

describe('the microbatch', () => {
  it('is halved down to a single sample', () => {
    const sizes: number[] = [];
    for (let state = shrink(memoryFor(100, settings), 1); state; state = shrink(state, 1))
      sizes.push(state.microbatchSize);
    expect(sizes).toEqual([50, 25, 13, 7, 4, 2, 1]);
  });

  it('grows again, never beyond what the settings ask for, and waits twice as long after each failure', () => {
    let state = memoryFor(64, { ...settings, microbatchSize: 16 });
    const tries: number[] = [];
    for (let epoch = 1; epoch <= 20; epoch++) {
      const larger = grow(state, epoch, 16);
      if (larger) tries.push(epoch);
      expect(larger?.microbatchSize ?? 16).toBe(16);
      // It never fits.
      if (epoch === 1 || larger) state = shrinkTo(larger ?? state, epoch + 1, 8);
    }
    expect(tries).toEqual([2, 4, 8, 16]);
  });

  it('is at most the size that is asked for, and at least 1', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 2000 }), (batch, size) => {
        const shrunk = shrinkTo(memoryFor(batch, settings), 1, size);
        expect(shrunk.microbatchSize).toBeLessThanOrEqual(Math.max(size, 1));
        expect(shrunk.microbatchSize * 2).toBeGreaterThanOrEqual(Math.min(size, batch));
      }),
    );
  });
});

it('the evaluation batch that was found stays, until the settings ask for another one', () => {
  const known = { ...memoryFor(16, settings), evaluationBatchSize: 8 };
  expect(memoryFor(16, settings, known).evaluationBatchSize).toBe(8);
  expect(memoryFor(16, { ...settings, evaluationBatchSize: 32 }, known).evaluationBatchSize).toBe(32);
});
