import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostApart } from '../../../../test/support/most-apart.js';
import { fontsFor, loadFonts } from './fonts.js';
import { boxOf, fitStrokes } from './frame.js';
import { drawStrokes, type Stroke } from './rasterize.js';

/** One stroke, white on black. */
function draw(stroke: Stroke, side: number, lineWidth: number): Uint8Array {
  const pixels = new Uint8Array(side * side);
  const [xs, ys] = [0, 1].map((axis) => Float64Array.from(stroke, (point) => point[axis as 0 | 1]));
  const lines = { xs: xs!, ys: ys!, ends: Int32Array.of(stroke.length), strokes: 1 };
  drawStrokes(pixels, { width: side, height: side, lineWidth }, lines);
  return pixels;
}

describe('drawStrokes', () => {
  it('fills as much as the line covers', () => {
    const line: Stroke = [
      [8, 16],
      [24, 16],
    ];
    const pixels = draw(line, 32, 6);
    const ink = pixels.reduce((a, b) => a + b, 0) / 255;
    // A rectangle and two half discs; coverage by distance is exact for straight edges, nearly for round ones.
    const area = 16 * 6 + Math.PI * 9;
    expect(Math.abs(ink - area) / area).toBeLessThan(0.01);
  });

  it('does not depend on the direction of a stroke', () => {
    const point = fc.tuple(fc.integer({ min: 0, max: 28 }), fc.integer({ min: 0, max: 28 }));
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 6 }), (stroke) => {
        const forth = draw(stroke, 28, 2);
        const back = draw(stroke.toReversed(), 28, 2);
        // Sums in another order may round differently.
        expect(mostApart(forth, back)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('fitStrokes', () => {
  it('fills 20 of 28 pixels, but keeps small marks small', () => {
    const box = boxOf(
      fitStrokes(
        [
          [
            [5, 5],
            [105, 55],
          ],
        ],
        100,
        { width: 28, height: 28 },
      ),
    );
    expect([box.width, box.height, box.left]).toEqual([20, 10, 4].map((value) => expect.closeTo(value, 9)));
    expect(
      boxOf(
        fitStrokes(
          [
            [
              [0, 0],
              [10, 10],
            ],
          ],
          100,
          { width: 28, height: 28 },
        ),
      ).width,
    ).toBeCloseTo(4, 9);
  });
});

describe('fonts', () => {
  it('all have visible ASCII', async () => {
    const fonts = await loadFonts();
    const visible = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i));
    const found = fontsFor(fonts, visible);
    expect(fonts).toHaveLength(12);
    for (const [, having] of found) expect(having).toHaveLength(12);
  });

  it('refuse what none has', async () => {
    const fonts = await loadFonts();
    expect(() => fontsFor(fonts, ['a', '漢'])).toThrow(/漢.*U\+6F22/);
  });
});
