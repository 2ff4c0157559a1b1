import fc from 'fast-check';
import { expect, it } from 'vitest';
import { drawSegment, type Stroke } from '../../image/strokes/rasterize.js';
import { measurePictures, STATISTIC_NAMES } from './picture-statistics.js';

const FRAME = { width: 28, height: 28 };
const GREY = { ...FRAME, channels: 1 } as const;

function draw(strokes: readonly Stroke[], lineWidth: number): Uint8Array {
  const pixels = new Uint8Array(FRAME.width * FRAME.height);
  for (const stroke of strokes)
    for (const [i, [x, y]] of stroke.slice(1).entries())
      drawSegment(pixels, { ...FRAME, lineWidth }, ...stroke[i]!, x, y);
  return pixels;
}

const point = fc.tuple(
  fc.double({ min: 5, max: 23, noNaN: true }),
  fc.double({ min: 5, max: 23, noNaN: true }),
);
const strokes = fc.array(fc.array(point, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 3 });

it('finds the width of a line at any angle', () => {
  // In degrees, because most doubles between two bounds are close to 0.
  const angle = fc.integer({ min: 0, max: 179 }).map((degrees) => (Math.PI * degrees) / 180);
  fc.assert(
    fc.property(angle, fc.double({ min: 2, max: 5, noNaN: true }), (direction, lineWidth) => {
      const [dx, dy] = [11 * Math.cos(direction), 11 * Math.sin(direction)];
      const line = draw(
        [
          [
            [14 - dx, 14 - dy],
            [14 + dx, 14 + dy],
          ],
        ],
        lineWidth,
      );
      const { strokeWidth } = measurePictures(() => line, 1, GREY);
      // The round ends have an outline without adding length, and differences of neighbours make a diagonal one too long.
      expect(strokeWidth[0]! / lineWidth).toBeGreaterThan(0.65);
      expect(strokeWidth[0]! / lineWidth).toBeLessThan(1.25);
    }),
  );
});

it('measures ink, its box and its place in a picture where they are known', () => {
  const picture = new Uint8Array(28 * 28).fill(20);
  for (let y = 4; y < 8; y++) for (let x = 14; x < 28; x++) picture[28 * y + x] = 220;
  const [values] = [measurePictures(() => picture, 1, GREY)];
  expect(values.ground[0]).toBe(20);
  expect(values.contrast[0]).toBe(200);
  expect(values.ink[0]).toBeCloseTo((4 * 14) / (28 * 28), 6);
  expect(values.boxWidth[0]).toBeCloseTo(0.5, 6);
  expect(values.boxHeight[0]).toBeCloseTo(4 / 28, 6);
  expect(values.centreX[0]).toBeCloseTo(0.25, 6);
  expect(values.centreY[0]).toBeCloseTo(6 / 28 - 0.5, 6);
});

it('is the same for light and dark ground, but for the ground, and for grey in three channels', () => {
  fc.assert(
    fc.property(strokes, (drawing) => {
      const light = draw(drawing, 2.2);
      const dark = light.map((value) => 255 - value);
      const colour = Uint8Array.from({ length: 3 * light.length }, (_, i) => light[Math.floor(i / 3)]!);
      const values = measurePictures(() => light, 1, GREY);
      const inverted = measurePictures(() => dark, 1, GREY);
      const coloured = measurePictures(() => colour, 1, { ...FRAME, channels: 3 });
      expect(inverted.ground[0]).toBe(255 - values.ground[0]!);
      expect(coloured).toEqual(values);
      for (const name of STATISTIC_NAMES)
        if (name !== 'ground') expect(inverted[name][0]).toBeCloseTo(values[name][0]!, 5);
    }),
  );
});

it('moves with the ink, and nothing else does', () => {
  fc.assert(
    fc.property(
      strokes,
      fc.integer({ min: -3, max: 3 }),
      fc.integer({ min: -3, max: 3 }),
      (drawing, dx, dy) => {
        const moved = drawing.map((stroke) => stroke.map(([x, y]) => [x + dx, y + dy] as const));
        const [before, after] = [draw(drawing, 2), draw(moved, 2)].map((picture) =>
          measurePictures(() => picture, 1, GREY),
        );
        const shift = { centreX: dx / 28, centreY: dy / 28 } as Record<string, number>;
        // A move changes how coordinates are rounded, and so a value of 255 by one.
        for (const name of STATISTIC_NAMES)
          expect(Math.abs(after![name][0]! - before![name][0]! - (shift[name] ?? 0))).toBeLessThan(0.05);
      },
    ),
  );
});

it('has zeros for a picture without ink, and never a number that is none', () => {
  const values = measurePictures(() => new Uint8Array(28 * 28).fill(77), 1, GREY);
  expect(values.ground[0]).toBe(77);
  for (const name of STATISTIC_NAMES) if (name !== 'ground') expect(values[name][0]).toBe(0);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 27, maxLength: 27 }), (pixels) => {
      for (const shape of [
        { width: 3, height: 3, channels: 3 },
        { width: 27, height: 1, channels: 1 },
      ] as const)
        for (const column of Object.values(measurePictures(() => pixels, 1, shape)))
          expect(Number.isFinite(column[0])).toBe(true);
    }),
  );
});
