import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostApart } from '../../../../test/support/most-apart.js';
import { parseCharacters, parseClasses } from '../../data/dataset/class-names.js';
import { openDataset, viewOf } from '../../data/dataset/open.js';
import { synthesizeDataset } from '../../data/dataset/synthesize.js';
import { preprocessingSchema } from '../settings.js';
import { fontsFor, loadFonts } from './fonts.js';
import { boxOf, drawingToPixels, fitStrokes } from './frame.js';
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
    const found = fontsFor(fonts, parseClasses('U+0021..U+007E'));
    expect(fonts).toHaveLength(12);
    for (const [, having] of found) expect(having).toHaveLength(12);
  });

  it('refuse what none has', async () => {
    const fonts = await loadFonts();
    expect(() => fontsFor(fonts, ['a', '漢'])).toThrow(/漢.*U\+6F22/);
  });
});

describe('synthesizeDataset', () => {
  it('draws the same again, keeps writers apart and strokes, and does not disturb other characters', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roble-test-'));
    const preprocessing = preprocessingSchema.parse({});
    const draw = (out: string, characters: string) =>
      synthesizeDataset({
        characters: parseCharacters(characters),
        perClass: 20,
        out: join(folder, out),
        name: 'n',
        preprocessing,
        seed: 5,
      });
    try {
      const [first, again] = [await draw('a', 'xy'), await draw('b', 'xy')];
      await draw('c', 'xyz');
      expect(again.fingerprint).toBe(first.fingerprint);
      const imagesOf = async (name: string, label: number) => {
        const { images, labels } = await (await openDataset(join(folder, name))).load('train');
        return [...labels].flatMap((value, i) =>
          value === label ? [Buffer.from(images.subarray(784 * i, 784 * (i + 1)))] : [],
        );
      };
      expect(await imagesOf('c', 0)).toEqual(await imagesOf('a', 0));
      const dataset = await openDataset(join(folder, 'a'));
      const writers = async (split: 'train' | 'validation') => {
        const groups = new Set<string>();
        for await (const { group } of dataset.provenance(split)) groups.add(group!);
        return groups;
      };
      const validation = await writers('validation');
      for (const writer of await writers('train')) expect(validation.has(writer)).toBe(false);
      const loaded = await dataset.load('train');
      for (let i = 0; i < loaded.count; i++) {
        const { data, strokes } = viewOf(loaded, preprocessing, i);
        expect(drawingToPixels(strokes!, preprocessing)).toEqual(Uint8Array.from(data));
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('lists of classes', () => {
  it('know ranges, codes and names', () => {
    expect(parseClasses('0-9a-z')).toHaveLength(36);
    expect(parseClasses('U+0021..U+007E')).toHaveLength(94);
    expect(parseClasses('cat,dog,U+002C')).toEqual(['cat', 'dog', ',']);
    expect(parseCharacters('abc,+=')).toEqual(['a', 'b', 'c', '+', '=']);
    expect(() => parseClasses('a,b,a')).toThrow(/twice/);
    expect(() => parseClasses('z-a')).toThrow(/range/);
  });
});
