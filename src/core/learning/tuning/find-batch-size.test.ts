import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { suggestBatchSize } from './find-batch-size.js';

/** Sizes 16, 32, ... with these throughputs. */
const pointsOf = (throughputs: readonly number[]) =>
  throughputs.map((imagesPerSecond, i) => {
    const batchSize = 16 * 2 ** i;
    return { batchSize, imagesPerSecond, stepMs: (batchSize / imagesPerSecond) * 1000 };
  });

describe('suggestBatchSize', () => {
  it('takes the knee of a typical curve, and says what it was measured against', () => {
    const { batchSize, reason } = suggestBatchSize(pointsOf([300, 550, 900, 1000, 990, 700]), 64, 'adamw');
    expect(batchSize).toBe(64);
    expect(reason).toContain('90 % of that of 128');
  });

  it('takes the smallest size of those within a tenth of the best', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 1e4, noNaN: true }), { minLength: 1, maxLength: 8 }),
        (throughputs) => {
          const points = pointsOf(throughputs);
          const { batchSize } = suggestBatchSize(points, 64, 'sgd');
          const best = Math.max(...throughputs);
          const fast = points.filter(({ imagesPerSecond }) => imagesPerSecond >= 0.9 * best);
          expect(batchSize).toBe(Math.min(...fast.map((point) => point.batchSize)));
        },
      ),
    );
  });

  it('scales the learning rate in proportion for SGD, by the square root for AdamW, and not for the same size', () => {
    const points = pointsOf([1, 1, 1, 1, 100]);
    expect(suggestBatchSize(points, 64, 'sgd')).toMatchObject({ batchSize: 256, learningRateFactor: 4 });
    expect(suggestBatchSize(points, 64, 'adamw')).toMatchObject({ batchSize: 256, learningRateFactor: 2 });
    expect(suggestBatchSize(points, 256, 'adamw').learningRateFactor).toBe(1);
    expect(suggestBatchSize(points, 256, 'adamw').reason).toContain('fastest');
  });
});
