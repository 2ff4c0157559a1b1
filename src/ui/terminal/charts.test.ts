import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineChart } from './charts.js';

const falling = Array.from({ length: 10 }, (_, i) => [i + 1, 2 / (i + 1)] as const);
const rising = falling.map(([x, y]) => [x, 2 - y] as const);

describe('a line chart', () => {
  it('falls from the top left to the bottom right, with round ticks and its name', () => {
    const points = [
      [0, 10],
      [10, 0],
    ] as const;
    expect(lineChart([{ name: 'loss', points }], { width: 24, height: 8 })).toEqual([
      '10 ┤⠉⠒⠤⣀',
      '   │    ⠉⠒⠤⣀',
      ' 5 ┤        ⠉⠒⠤⣀',
      '   │            ⠉⠒⠤⣀',
      ' 0 ┤                ⠉⠒⠤⣀',
      '   └┬──────────────────┬',
      '    0                 10',
      'loss',
    ]);
  });

  it('tells series apart by signs without colours, and by colours with them', () => {
    const series = [
      { name: 'loss', points: falling },
      { name: 'accuracy', points: rising },
    ];
    const plain = lineChart(series, { width: 40, height: 12 }).join('\n');
    expect(plain).toContain('* loss   o accuracy');
    expect(plain).toBe(stripVTControlCharacters(plain));
    const colored = lineChart(series, { width: 40, height: 12, color: true }).join('\n');
    expect(colored).not.toBe(stripVTControlCharacters(colored));
    expect(stripVTControlCharacters(colored)).toContain('── loss   ── accuracy');
  });

  it('puts powers of ten at equal distances on a logarithmic axis', () => {
    const points = [1e-5, 1e-4, 1e-3, 1e-2].map((x, i) => [x, i] as const);
    const labels = lineChart([{ name: 'loss', points }], { width: 60, height: 8, logX: true }).at(-2)!;
    const places = ['1e-5', '0.0001', '0.001', '0.01'].map((label) => labels.indexOf(label));
    expect(places.every((place) => place >= 0)).toBe(true);
    const distances = places.slice(1).map((place, i) => place - places[i]!);
    expect(Math.max(...distances) - Math.min(...distances)).toBeLessThanOrEqual(3);
  });

  it('leaves a gap where a value is missing', () => {
    const points = [1, 2, 3, 4, 5].map((x) => [x, x === 3 ? Number.NaN : 1] as const);
    const [row] = lineChart([{ name: 'a', points }], { width: 43, height: 6 }).filter((line) =>
      /[\u2800-\u28ff]/.test(line),
    );
    expect(row).toMatch(/[\u2801-\u28ff]+ {8,}[\u2801-\u28ff]+/);
  });

  it('fits its size whatever it is given, and never shows NaN', () => {
    const number = fc.double();
    const series = fc.array(
      fc.record({ name: fc.string({ maxLength: 30 }), points: fc.array(fc.tuple(number, number)) }),
      {
        maxLength: 10,
      },
    );
    const options = fc.record({
      width: fc.integer({ min: 20, max: 120 }),
      height: fc.integer({ min: 6, max: 30 }),
      logX: fc.boolean(),
      color: fc.boolean(),
    });
    fc.assert(
      fc.property(series, options, (lines, given) => {
        const chart = lineChart(
          lines.map((line, i) => ({ ...line, name: `s${i}` })),
          given,
        ).map((line) => stripVTControlCharacters(line));
        expect(chart.length).toBeLessThanOrEqual(given.height);
        for (const line of chart) {
          expect(line.length).toBeLessThanOrEqual(given.width);
          expect(line).not.toMatch(/NaN|undefined|Infinity/);
        }
      }),
    );
  });
});
