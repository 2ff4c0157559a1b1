import { describe, expect, it } from 'vitest';
import { Random, symmetricBeta } from './random.js';

const COUNT = 20_000;
const drawn = (alpha: number) => {
  const random = new Random(17, 'mixup');
  return Array.from({ length: COUNT }, () => symmetricBeta(random, alpha));
};
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('symmetricBeta', () => {
  it.each([0.05, 0.2, 0.5, 1, 2.5, 40])('with alpha %d has the mean and the variance of Beta', (alpha) => {
    const values = drawn(alpha);
    const variance = 1 / (4 * (2 * alpha + 1));
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
    // Five standard deviations of each estimate; a square of a deviation lies between 0 and 1/4.
    expect(Math.abs(mean(values) - 0.5)).toBeLessThan(5 * Math.sqrt(variance / COUNT));
    const found = mean(values.map((value) => (value - 0.5) ** 2));
    expect(Math.abs(found - variance)).toBeLessThan(5 * Math.sqrt(variance / 4 / COUNT));
  });

  it.each([
    [1, (x: number) => x],
    [0.5, (x: number) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    [2, (x: number) => 3 * x ** 2 - 2 * x ** 3],
  ])('with alpha %d has the distribution of Beta, whose closed form is known', (alpha, distribution) => {
    const values = drawn(alpha).sort((a, b) => a - b);
    const distances = values.map((value, i) => Math.abs(distribution(value) - (i + 0.5) / COUNT));
    // Kolmogorov and Smirnov: beyond 1.95 / sqrt(n) once in a thousand.
    expect(Math.max(...distances)).toBeLessThan(1.95 / Math.sqrt(COUNT));
  });

  it('stays a number where Gamma numbers are too small for a float', () => {
    const values = drawn(1e-4);
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
    // Nearly all the weight is at both ends, half of it at each.
    expect(Math.abs(mean(values) - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / COUNT));
  });
});
