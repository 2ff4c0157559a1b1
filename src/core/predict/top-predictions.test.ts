import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topPredictions } from './top-predictions.js';

describe('topPredictions', () => {
  it('are the first of all classes in order, those that are equal in the order of the classes', () => {
    const probabilities = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(probabilities, fc.integer({ min: 1, max: 70 }), (twelfths, topK) => {
        const values = Float32Array.from(twelfths, (value) => value / 12);
        const classes = twelfths.map((_, i) => `class ${i}`);
        const sorted = classes
          .map((label, i) => ({ label, probability: values[i]! }))
          .sort((a, b) => b.probability - a.probability);
        expect(topPredictions(values, classes, topK)).toEqual(sorted.slice(0, topK));
      }),
    );
  });
});
