/** The axes of all plots, in pages and in the terminal: ranges, scales, ticks and their labels. */

import { short } from '../../core/base/text/text.js';

export type Range = readonly [low: number, high: number];

/** The range of values, one at least. Not `Math.min(...values)`: a call takes fewer arguments than a series may have. */
export function rangeOf(values: readonly number[]): Range {
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
}

/** Maps a range to the stretch from `from` to `to`; a range of a single value to its middle. */
export function linearScale([low, high]: Range, from: number, to: number): (value: number) => number {
  // The difference of two large numbers may not be finite; half of the smallest number would be zero.
  const divisor = Number.isFinite(high - low) ? 1 : 2;
  const above = (value: number) => value / divisor - low / divisor;
  const span = above(high);
  return (value) => (span === 0 ? (from + to) / 2 : from + (above(value) / span) * (to - from));
}

/** The largest step of 1, 2 or 5 times a power of ten that is not above `value`, and those that follow it. */
function roundSteps(value: number): number[] {
  const power = Math.floor(Math.log10(value));
  const steps = [power, power + 1].flatMap((exponent) => [1, 2, 5].map((f) => Number(`${f}e${exponent}`)));
  const first = steps.findLastIndex((step) => step <= value * (1 + 1e-9));
  return steps.slice(Math.max(0, first));
}

/** The multiples of a step within a range, without the rounding errors of counting up. */
function multiples(step: number, low: number, high: number): number[] {
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/**
 * Round numbers within a range, 1, 2 or 5 times a power of ten apart, for the ticks of a linear axis.
 *
 * @param most most ticks that there is room for
 * @param smallestStep 1 for an axis that counts
 * @example
 * niceTicks([0, 1], 6); // [0, 0.2, 0.4, 0.6, 0.8, 1]
 */
export function niceTicks([low, high]: Range, most: number, smallestStep = 0): number[] {
  const span = high - low;
  // Closer together than the precision of the numbers, ticks could not be distinguished.
  const precision = Math.max(Math.abs(low), Math.abs(high), 1e-280) * 1e-12;
  if (!(span / most > precision)) return [low];
  const choices = roundSteps(Math.max(span / most, smallestStep)).map((step) => multiples(step, low, high));
  const fitting = choices.find((ticks) => ticks.length <= most)!;
  // A coarser step can miss a narrow range altogether.
  if (fitting.length > 0) return fitting;
  return choices[0]!.length > 0 ? choices[0]!.slice(0, most) : [low];
}

/** Powers of ten within a range of positive numbers, and where those are fewer than two, 2 and 5 times them too. */
export function logTicks([low, high]: Range): number[] {
  const within = (factors: readonly number[]) =>
    Array.from({ length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 }, (_, i) => {
      const power = Math.floor(Math.log10(low)) + i;
      return factors.map((factor) => Number(`${factor}e${power}`));
    })
      .flat()
      .filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  const powers = within([1]);
  if (powers.length >= 2) return powers;
  const finer = within([1, 2, 5]);
  return finer.length > 0 ? finer : [low];
}

/** The ticks of a linear axis, with the same number of decimals each. */
export function tickLabels(ticks: readonly number[]): string[] {
  const labels = ticks.map(short);
  if (labels.some((label) => label.includes('e'))) return labels;
  const decimals = Math.max(0, ...labels.map((label) => label.split('.')[1]?.length ?? 0));
  return ticks.map((tick) =>
    tick.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals }),
  );
}
