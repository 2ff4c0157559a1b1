import sharp from 'sharp';
import { expect, it } from 'vitest';
import { drawnSubject, type SubjectSample, subjectOf } from '../../../../test/support/subject.js';
import { Random } from '../../base/random.js';
import { blurOf, measurePhotographs } from './photograph-statistics.js';
import { findBlurred, findExposure, findLong } from './photographs.js';
import type { Subject } from './subject.js';

const SIDE = 64;
const IMAGE = { width: SIDE, height: SIDE, channels: 3, background: '#ffffff' } as const;

/** Things with edges and texture in many colours: rectangles, each shaded and rough. */
function scene(seed: number): Uint8Array {
  const random = new Random(seed, 'synthesize');
  const pixels = new Uint8Array(SIDE * SIDE * 3);
  for (let k = 0; k < 30; k++) {
    const [left, top] = [
      random.integer(SIDE) - (k === 0 ? SIDE : 8),
      random.integer(SIDE) - (k === 0 ? SIDE : 8),
    ];
    const [width, height] = k === 0 ? [2 * SIDE, 2 * SIDE] : [4 + random.integer(28), 4 + random.integer(28)];
    const colour = [random.integer(200), random.integer(200), random.integer(200)];
    for (let y = Math.max(0, top); y < Math.min(SIDE, top + height); y++)
      for (let x = Math.max(0, left); x < Math.min(SIDE, left + width); x++)
        for (let c = 0; c < 3; c++)
          pixels[(y * SIDE + x) * 3 + c] = Math.max(
            0,
            Math.min(240, colour[c]! + x / 2 + random.integer(24)),
          );
  }
  return pixels;
}

const scenes = (count: number, first = 0): SubjectSample[] =>
  Array.from({ length: count }, (_, i) => ({
    label: i % 2,
    pixels: scene(first + i),
    source: `${first + i}.png`,
  }));

async function blurred(pixels: Uint8Array, sigma: number): Promise<Uint8Array> {
  const raw = { width: SIDE, height: SIDE, channels: 3 as const };
  return new Uint8Array(await sharp(pixels, { raw }).blur(sigma).raw().toBuffer());
}

const withPixels = (sample: SubjectSample, pixels: Uint8Array): SubjectSample => ({ ...sample, pixels });

function found(subject: Subject): Record<string, string[]> {
  const photographs = measurePhotographs(subject)!;
  const findings = [findBlurred, findExposure, findLong].flatMap((find) => find(subject, photographs));
  return Object.fromEntries(
    findings.map(({ check, samples }) => [check, samples.map(({ source }) => source).sort()]),
  );
}

it('finds nothing in sharp, well lit photographs', () => {
  expect(found(subjectOf(['a', 'b'], IMAGE, { train: scenes(80), validation: scenes(20, 100) }))).toEqual({});
});

it('finds those that are blurred, dark, overexposed and flat, in each split, and no other', async () => {
  const train = scenes(80);
  for (const i of [3, 30]) train[i] = withPixels(train[i]!, await blurred(train[i]!.pixels, 4));
  train[5] = withPixels(
    train[5]!,
    train[5]!.pixels.map((value) => value / 6),
  );
  train[6] = withPixels(
    train[6]!,
    train[6]!.pixels.map((value) => 215 + value / 6),
  );
  const validation = scenes(20, 100);
  validation[7] = withPixels(
    validation[7]!,
    validation[7]!.pixels.map((value) => 110 + value / 20),
  );
  expect(found(subjectOf(['a', 'b'], IMAGE, { train, validation }))).toEqual({
    blurred: ['3.png', '30.png'],
    exposure: ['107.png', '5.png', '6.png'],
  });
});

it('does not call a black thing on white dark, and finds what is far longer than wide', () => {
  const train = scenes(40);
  const thing = (isIn: (x: number, y: number) => boolean, level: (x: number) => number) =>
    new Uint8Array(SIDE * SIDE * 3).map((_, i) => {
      const [x, y] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)];
      return isIn(x, y) ? level(x) : 255;
    });
  train[0] = withPixels(
    train[0]!,
    thing(
      (x, y) => Math.hypot(x - 32, y - 32) < 25,
      () => 10,
    ),
  );
  train[1] = withPixels(
    train[1]!,
    thing(
      (_, y) => Math.abs(y - 32) < 6,
      (x) => 40 + 3 * x,
    ),
  );
  expect(found(subjectOf(['a', 'b'], IMAGE, { train }))).toEqual({ long: ['1.png'] });
  // Where pictures are cut to a square, nothing is known of their sides.
  expect(found(subjectOf(['a', 'b'], { ...IMAGE, fit: 'cover' }, { train }))).toEqual({});
});

it('leaves drawings out, large ones too, and pictures too small to judge', async () => {
  for (const side of [28, 96])
    expect(
      measurePhotographs(await drawnSubject([...'ABab'], 10, { width: side, height: side })),
    ).toBeUndefined();
  const small = Array.from({ length: 8 }, (_, i) => ({ label: 0, pixels: scene(i).slice(0, 32 * 32 * 3) }));
  expect(
    measurePhotographs(subjectOf(['a'], { ...IMAGE, width: 32, height: 32 }, { train: small })),
  ).toBeUndefined();
});

it('measures blur as what more blur leaves: more of it for each sigma, and the same of a picture and its negative', async () => {
  const grey = (pixels: Uint8Array) => pixels.filter((_, i) => i % 3 === 1);
  for (let seed = 0; seed < 5; seed++) {
    const sharpened = scene(seed);
    const rows = [sharpened];
    for (const sigma of [1, 2, 4]) rows.push(await blurred(sharpened, sigma));
    const values = rows.map((pixels) => blurOf(grey(pixels), SIDE, SIDE)!);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(values[0]).toBeLessThan(0.4);
    expect(values[3]).toBeGreaterThan(0.8);
    const negative = grey(sharpened).map((value) => 255 - value);
    expect(blurOf(negative, SIDE, SIDE)).toBe(values[0]);
  }
  expect(blurOf(new Uint8Array(SIDE * SIDE).fill(77), SIDE, SIDE)).toBeUndefined();
});
