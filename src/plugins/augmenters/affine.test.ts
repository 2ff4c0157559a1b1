import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mostApart } from '../../../test/support/most-apart.js';
import { type ImageView, Random } from '../../core/plugin/index.js';
import { plugin } from './affine.js';

const augmenter = plugin.create();

type Matrix = readonly [number, number, number, number, number, number];

/** a after b; each maps (x, y) to (m0 x + m1 y + m2, m3 x + m4 y + m5). */
const after = (a: Matrix, b: Matrix): Matrix => [
  a[0] * b[0] + a[1] * b[3],
  a[0] * b[1] + a[1] * b[4],
  a[0] * b[2] + a[1] * b[5] + a[2],
  a[3] * b[0] + a[4] * b[3],
  a[3] * b[1] + a[4] * b[4],
  a[3] * b[2] + a[4] * b[5] + a[5],
];

/** Pixel by pixel, from the inverse of each step, with exact weights. */
function reference(source: ImageView, values: Readonly<Record<string, number>>, paper: number): number[] {
  const { width, height, channels, data } = source;
  const angle = (values.rotation! * Math.PI) / 180;
  const [sx, sy] = [values.scale! * Math.sqrt(values.aspect!), values.scale! / Math.sqrt(values.aspect!)];
  const steps: Matrix[] = [
    [1, 0, (width - 1) / 2, 0, 1, (height - 1) / 2],
    [1 / sx, 0, 0, 0, 1 / sy, 0],
    [1, -values.shear!, 0, 0, 1, 0],
    [Math.cos(angle), Math.sin(angle), 0, -Math.sin(angle), Math.cos(angle), 0],
    [1, 0, -(width - 1) / 2 - values.shiftX! * width, 0, 1, -(height - 1) / 2 - values.shiftY! * height],
  ];
  const m = steps.reduce(after);
  const at = (x: number, y: number, c: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? paper : data[(y * width + x) * channels + c]!;
  return Array.from(data, (_, i) => {
    const [x, y, c] = [Math.floor(i / channels) % width, Math.floor(i / channels / width), i % channels];
    const [u, v] = [m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]];
    const [left, top] = [Math.floor(u), Math.floor(v)];
    let sum = 0;
    for (const [dx, wx] of [
      [0, 1 - u + left],
      [1, u - left],
    ] as const)
      for (const [dy, wy] of [
        [0, 1 - v + top],
        [1, v - top],
      ] as const)
        sum += wx * wy * at(left + dx, top + dy, c);
    return sum;
  });
}

const anyPicture: fc.Arbitrary<ImageView> = fc
  .tuple(fc.integer({ min: 1, max: 32 }), fc.integer({ min: 1, max: 32 }), fc.constantFrom(1, 3), fc.nat())
  .map(([width, height, channels, seed]) => {
    const random = new Random(seed, 'synthesize');
    const [left, right] = [random.integer(width), random.integer(width)];
    const data = new Uint8Array(width * height * channels).map((_, i) => {
      const x = Math.floor(i / channels) % width;
      return x >= left && x <= right ? random.integer(256) : 0;
    });
    return { width, height, channels, data };
  });

it('agrees with an exact reference to within the weights of 1/256 and rounding', () => {
  fc.assert(
    fc.property(anyPicture, fc.nat(), fc.constantFrom(0, 90), (source, seed, paper) => {
      const target = { ...source, data: new Uint8Array(source.data.length) };
      const strong = { rotation: 180, scale: 1, aspect: 1, shear: 1, shift: 0.5, background: paper };
      const values = augmenter.apply(source, target, new Random(seed, 'augment'), strong);
      const wanted = reference(source, values, paper);
      // One grey level of 255 for each axis, and half a one.
      expect(mostApart(target.data, wanted)).toBeLessThan(2.6);
    }),
    { seed: 35, numRuns: 300 },
  );
});

it('draws every value within its limits, to both sides', () => {
  const source = { width: 2, height: 2, channels: 1, data: new Uint8Array(4) };
  const target = { ...source, data: new Uint8Array(4) };
  const limits = { rotation: 20, scale: 0.25, aspect: 0.5, shear: 0.1, shift: 0.2, background: 0 };
  const drawn = Array.from({ length: 400 }, (_, i) =>
    augmenter.apply(source, target, new Random(i, 'augment'), limits),
  );
  const ranges: Readonly<Record<string, readonly [number, number]>> = {
    rotation: [-20, 20],
    scale: [1 / 1.25, 1.25],
    aspect: [1 / 1.5, 1.5],
    shear: [-0.1, 0.1],
    shiftX: [-0.2, 0.2],
    shiftY: [-0.2, 0.2],
  };
  for (const [name, [low, high]] of Object.entries(ranges)) {
    const values = drawn.map((one) => one[name]!);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
    expect(Math.max(...values)).toBeLessThanOrEqual(high);
    // Of 400 values some are in the outer twentieth on each side, but for a chance of 1 to 10^8.
    expect(Math.min(...values)).toBeLessThan(low + (high - low) / 20);
    expect(Math.max(...values)).toBeGreaterThan(high - (high - low) / 20);
  }
});
