import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isPlainMark } from './plain-mark.js';

const shape = { width: 28, height: 28, channels: 1 } as const;
type Point = readonly [x: number, y: number];

/** Lines of 3 pixels between points. */
function drawn(...lines: readonly (readonly [Point, Point])[]): Uint8Array {
  return Uint8Array.from({ length: 28 * 28 }, (_, i) =>
    lines.some(([a, b]) => distance([i % 28, Math.floor(i / 28)], a, b) <= 1.5) ? 255 : 0,
  );
}
function distance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const squares = (bx - ax) ** 2 + (by - ay) ** 2;
  const along = squares === 0 ? 0 : ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / squares;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay));
}

it('is a bar of any direction, place and either colour, and a dot', () => {
  const bar = fc.record({
    angle: fc.double({ min: 0, max: Math.PI, noNaN: true }),
    half: fc.integer({ min: 6, max: 10 }),
    x: fc.integer({ min: 11, max: 16 }),
    y: fc.integer({ min: 11, max: 16 }),
  });
  fc.assert(
    fc.property(bar, fc.boolean(), ({ angle, half, x, y }, isDark) => {
      const [dx, dy] = [half * Math.cos(angle), half * Math.sin(angle)];
      const picture = drawn([
        [x - dx, y - dy],
        [x + dx, y + dy],
      ]);
      expect(isPlainMark(isDark ? picture.map((value) => 255 - value) : picture, shape)).toBe(true);
    }),
  );
  expect(
    isPlainMark(
      drawn([
        [13, 13],
        [13, 13],
      ]),
      shape,
    ),
  ).toBe(true);
  expect(isPlainMark(new Uint8Array(28 * 28), shape)).toBe(true);
});

it('is no cross, no corner and no box, however small', () => {
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 11 }), (half) => {
      const [low, high] = [14 - half, 14 + half];
      const across = [
        [low, 14],
        [high, 14],
      ] as const;
      const down = [
        [14, low],
        [14, high],
      ] as const;
      const left = [
        [low, low],
        [low, high],
      ] as const;
      const bottom = [
        [low, high],
        [high, high],
      ] as const;
      expect(isPlainMark(drawn(across, down), shape)).toBe(false);
      expect(isPlainMark(drawn(left, bottom), shape)).toBe(false);
      expect(
        isPlainMark(
          drawn(left, bottom, [
            [high, low],
            [high, high],
          ]),
          shape,
        ),
      ).toBe(false);
    }),
  );
});
