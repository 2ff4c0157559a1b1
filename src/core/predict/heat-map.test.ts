import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PixelShape } from '../image/settings.js';
import { heatMap } from './heat-map.js';

/** A model whose answer stands on one pixel: bright there, it is class 1. */
function pixelModel(shape: PixelShape, [x, y]: readonly [number, number]) {
  const at = (y * shape.width + x) * shape.channels;
  return async (pictures: readonly Uint8Array[]) =>
    pictures.map((picture) => Float32Array.of(1 - picture[at]! / 255, picture[at]! / 255));
}

const shapes = fc.record({
  width: fc.integer({ min: 2, max: 30 }),
  height: fc.integer({ min: 2, max: 30 }),
  channels: fc.constantFrom(1 as const, 3 as const),
});

/** A dark picture with one bright pixel, and the model that looks at it. */
const spots = fc
  .tuple(shapes, fc.nat(), fc.nat(), fc.integer({ min: 2, max: 16 }), fc.integer({ min: 1, max: 9 }))
  .map(([shape, x, y, grid, batchSize]) => {
    const spot = [x % shape.width, y % shape.height] as const;
    const pixels = new Uint8Array(shape.width * shape.height * shape.channels);
    pixels
      .fill(255, (spot[1] * shape.width + spot[0]) * shape.channels)
      .fill(0, (spot[1] * shape.width + spot[0] + 1) * shape.channels);
    return { shape, spot, pixels, grid, batchSize };
  });

describe('heatMap', () => {
  it('is warm where the answer stands, at most two cells away, and cold elsewhere', async () => {
    await fc.assert(
      fc.asyncProperty(spots, async ({ shape, spot, pixels, grid, batchSize }) => {
        const predict = pixelModel(shape, spot);
        const { label, probability, falls } = await heatMap(pixels, { shape, grid, batchSize, predict });
        expect([label, probability]).toEqual([1, 1]);
        expect(falls.length).toBe(Math.min(grid, shape.height));
        const own = [
          Math.floor((spot[0] * falls[0]!.length) / shape.width),
          Math.floor((spot[1] * falls.length) / shape.height),
        ];
        for (const [row, values] of falls.entries()) {
          expect(values.length).toBe(Math.min(grid, shape.width));
          for (const [column, fall] of values.entries()) {
            const distance = Math.max(Math.abs(column - own[0]!), Math.abs(row - own[1]!));
            if (distance === 0) expect(fall).toBe(1);
            if (distance > 2) expect(fall).toBe(0);
          }
        }
      }),
    );
  });

  it('does not depend on how many pictures the model gets together, and turns with the picture', async () => {
    await fc.assert(
      fc.asyncProperty(spots, async ({ shape, spot, pixels, grid, batchSize }) => {
        const options = { shape, grid, batchSize: 1, predict: pixelModel(shape, spot) };
        const { falls } = await heatMap(pixels, options);
        expect((await heatMap(pixels, { ...options, batchSize })).falls).toEqual(falls);
        const turned = new Uint8Array(pixels.length);
        for (let i = 0; i < pixels.length; i += shape.channels)
          turned.set(pixels.subarray(i, i + shape.channels), pixels.length - shape.channels - i);
        const opposite = [shape.width - 1 - spot[0], shape.height - 1 - spot[1]] as const;
        const there = await heatMap(turned, { ...options, predict: pixelModel(shape, opposite) });
        expect(there.falls).toEqual(falls.toReversed().map((row) => row.toReversed()));
      }),
    );
  });

  it('is of the class that is asked for, and below 0 where covering makes it more probable', async () => {
    const shape = { width: 4, height: 4, channels: 1 } as const;
    const pixels = new Uint8Array(16).fill(255, 0, 1);
    const options = { shape, grid: 4, batchSize: 16, predict: pixelModel(shape, [0, 0]) };
    const { probability, falls } = await heatMap(pixels, { ...options, label: 0 });
    expect([probability, falls[0]![0], falls[3]![3]]).toEqual([0, -1, 0]);
  });
});
