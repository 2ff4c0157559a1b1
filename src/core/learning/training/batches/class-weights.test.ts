import fc from 'fast-check';
import { expect, it } from 'vitest';
import { balancedClassWeights } from './batch.js';

it('gives every class that has samples the same total weight, and the samples a mean of 1', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 200 }), (labels) => {
      const weights = balancedClassWeights(labels, 7);
      const totals = weights.map((weight, c) => weight * labels.filter((label) => label === c).length);
      const present = new Set(labels);
      for (const [c, total] of totals.entries())
        expect(total).toBeCloseTo(present.has(c) ? labels.length / present.size : 0, 9);
      expect(totals.reduce((sum, total) => sum + total) / labels.length).toBeCloseTo(1, 9);
    }),
  );
});
