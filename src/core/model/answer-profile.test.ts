import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answerProfileSchema,
  binOf,
  type MeasuredAnswer,
  measureAnswer,
  profileOf,
} from './answer-profile.js';

const answers: fc.Arbitrary<MeasuredAnswer[]> = fc.array(
  fc.record({
    label: fc.integer({ min: 0, max: 4 }),
    confidence: fc.oneof(fc.constantFrom(0, 1), fc.float({ min: 0, max: 1, noNaN: true })),
    brightness: fc.integer({ min: 0, max: 255 }),
  }),
  { minLength: 1, maxLength: 200 },
);

describe('profileOf', () => {
  it('puts every answer into one bin, and none far from its share where values differ', () => {
    fc.assert(
      fc.property(answers, (given) => {
        const profile = answerProfileSchema.parse(profileOf(given, 5));
        for (const { edges, shares } of [profile.confidence, profile.brightness]) {
          expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
          expect([...edges].sort((a, b) => a - b)).toEqual(edges);
          expect(new Set(edges).size).toBe(edges.length);
          // An edge is a value that occurs, so that no bin but the last one can be empty.
          for (const share of shares.slice(0, -1)) expect(share).toBeGreaterThan(0);
        }
        expect(profile.classes.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      }),
      { seed: 9 },
    );
    const spread = Array.from({ length: 1000 }, (_, i) => ({
      label: 0,
      confidence: i / 1000,
      brightness: i,
    }));
    for (const share of profileOf(spread, 1).confidence.shares) expect(share).toBeCloseTo(0.05, 9);
  });
});

describe('binOf', () => {
  it('is the number of edges below the value', () => {
    const edges = fc.uniqueArray(fc.double({ noNaN: true })).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(edges, fc.double({ noNaN: true }), (all, value) => {
        expect(binOf(all, value)).toBe(all.filter((edge) => edge < value).length);
        for (const [i, edge] of all.entries()) expect(binOf(all, edge)).toBe(i);
      }),
      { seed: 10 },
    );
  });
});

describe('measureAnswer', () => {
  it('is the best class, its probability and the mean of the pixels', () => {
    expect(measureAnswer(Uint8Array.of(0, 255, 30), Float32Array.of(0.25, 0.5, 0.25))).toEqual({
      label: 1,
      confidence: 0.5,
      brightness: 95,
    });
  });
});
