import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostApart } from '../../../test/support/most-apart.js';
import { createAugmenter } from '../../core/data/augment/steps.js';
import { preprocessingSchema } from '../../core/image/settings.js';
import { drawingToPixels } from '../../core/image/strokes/frame.js';
import { packDrawing } from '../../core/image/strokes/packed.js';
import type { Stroke } from '../../core/image/strokes/rasterize.js';
import { type Augmenter, type ImageView, Random } from '../../core/plugin/index.js';
import { PluginRegistry } from '../../core/plugin/registry.js';
import { builtinPlugins } from '../index.js';

/** Parameters with which strokes are drawn as they are. */
const STILL = {
  ...{ wobble: 0, ends: 0, smoothing: 0, partRotation: 0, partScale: 0, partShift: 0 },
  ...{ slant: 0, aspect: 0, lineWidth: 0, breaks: 0 },
};

/** Parameters with which a picture comes out as it went in; `canvas-style` has none. */
const IDENTITY: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  affine: { rotation: 0, scale: 0, aspect: 0, shear: 0, shift: 0 },
  elastic: { alpha: 0 },
  perspective: { shift: 0 },
  'stroke-width': { thicker: 0, thinner: 0 },
  noise: { gaussian: 0, saltPepper: 0 },
  blur: { sigma: 0 },
  contrast: { contrast: 0, brightness: 0, gamma: 0 },
  occlusion: { rectangle: 0, line: 0 },
  mixup: { share: 0 },
  cutmix: { share: 0 },
  flip: { horizontal: 0, vertical: 0 },
  'random-crop': { cut: 0, aspect: 0 },
  'colour-jitter': { brightness: 0, contrast: 0, saturation: 0, hue: 0 },
  'stroke-distortion': STILL,
};

const registry = new PluginRegistry(builtinPlugins);
const NAMES = registry.entries.filter(({ kind }) => kind === 'augmenter').map(({ name }) => name);
const augmenters = await Promise.all(
  NAMES.map(async (name) => createAugmenter(await registry.load('augmenter', name))),
);

/** Any picture from 1x1 to 40x40, much of it paper, as drawings are. */
const anyPicture: fc.Arbitrary<ImageView> = fc
  .record({
    width: fc.integer({ min: 1, max: 40 }),
    height: fc.integer({ min: 1, max: 40 }),
    channels: fc.constantFrom(1, 3),
    seed: fc.nat(),
    ink: fc.constantFrom(0, 0.02, 0.3, 1),
  })
  .map(({ width, height, channels, seed, ink }) => {
    const random = new Random(seed, 'synthesize');
    const data = new Uint8Array(width * height * channels);
    return {
      width,
      height,
      channels,
      data: data.map(() => (random.float() < ink ? random.integer(256) : 0)),
    };
  });
/** Any picture that is drawn of strokes. */
const anyDrawing: fc.Arbitrary<ImageView> = fc
  .tuple(anyPicture, fc.nat())
  .map(([{ data: _, ...frame }, seed]) => {
    const random = new Random(seed, 'synthesize');
    const stroke = () =>
      Array.from(
        { length: 1 + random.integer(20) },
        () => [random.uniform(0, frame.width), random.uniform(0, frame.height)] as const,
      );
    return drawn(frame, Array.from({ length: 1 + random.integer(4) }, stroke));
  });
function drawn(frame: Omit<ImageView, 'data'>, lines: readonly Stroke[]): ImageView {
  const preprocessing = preprocessingSchema.parse({
    width: frame.width,
    height: frame.height,
    channels: frame.channels,
  });
  const strokes = packDrawing(lines, frame);
  return { ...frame, data: drawingToPixels(strokes, preprocessing), strokes };
}
const withData = (view: ImageView, fill: (i: number) => number): ImageView => ({
  ...view,
  data: view.data.map((_, i) => fill(i)),
});

function run(augmenter: Augmenter, source: ImageView, seed: number, given = {}, before = 0) {
  const target = withData(source, () => before);
  const partner = withData(source, (i) => (i * 37) % 256);
  const parameters = augmenter.parameters.parse(given);
  const values = augmenter.apply(source, target, new Random(seed, 'augment'), parameters, partner);
  return { data: target.data, values };
}

/** Of pictures that may be equal: compared much faster than pixel by pixel. */
const hexOf = (data: Uint8Array) => Buffer.from(data).toString('hex');

it('covers every augmenter in the box', () => {
  expect([...NAMES].sort()).toEqual([...Object.keys(IDENTITY), 'canvas-style'].sort());
});

describe.each(augmenters.map((augmenter) => [augmenter.name, augmenter] as const))(
  '%s',
  (name, augmenter) => {
    const anySource = augmenter.needsStrokes ? anyDrawing : anyPicture;
    it('has the name it is registered by, a version, a description and a default for each parameter', () => {
      expect(augmenter).toMatchObject({
        name,
        version: 1,
        description: expect.stringMatching(/^[A-Z].*[.]$/),
      });
      expect(Object.keys(augmenter.parameters.parse({}) as object).length).toBeGreaterThan(0);
      expect(augmenter.parameters.safeParse({ nonsense: 1 }).success).toBe(false);
    });

    it('writes every value of the target, of any size, whatever was in it and was made before', () => {
      fc.assert(
        fc.property(anySource, anySource, fc.nat(), (source, other, seed) => {
          const kept = hexOf(source.data);
          const first = run(augmenter, source, seed, {}, 0);
          run(augmenter, other, seed + 1);
          const second = run(augmenter, source, seed, {}, 201);
          expect(hexOf(second.data)).toBe(hexOf(first.data));
          expect(second.values).toEqual(first.values);
          expect(hexOf(source.data)).toBe(kept);
        }),
        { seed: 31, numRuns: 150 },
      );
    });

    it('gives numbers as the values that it drew', () => {
      fc.assert(
        fc.property(anySource, fc.nat(), (source, seed) => {
          for (const value of Object.values(run(augmenter, source, seed).values))
            expect(Number.isFinite(value)).toBe(true);
        }),
        { seed: 32 },
      );
    });

    // A mirror gives one other picture, or none of a picture that is its own mirror image.
    it.skipIf(name === 'flip')('gives another picture for other random numbers', () => {
      const frame = { width: 28, height: 28, channels: 1 };
      const line = Array.from({ length: 9 }, (_, i) => [8 + 1.5 * i, 14 + 6 * Math.sin(i)] as const);
      const source = augmenter.needsStrokes
        ? drawn(frame, [line])
        : withData({ ...frame, data: new Uint8Array(784) }, (i) =>
            i % 28 > 8 && i % 28 < 20 && i > 196 && i < 588 ? (i * 61) % 256 : 0,
          );
      const texts = Array.from({ length: 20 }, (_, seed) => run(augmenter, source, seed).data.join());
      expect(new Set(texts).size).toBeGreaterThan(15);
    });

    it.runIf(name in IDENTITY)('leaves the picture as it is where all its parameters say so', () => {
      fc.assert(
        fc.property(anySource, fc.nat(), (source, seed) => {
          expect(hexOf(run(augmenter, source, seed, IDENTITY[name]).data)).toBe(hexOf(source.data));
        }),
        { seed: 33 },
      );
    });

    it.runIf('background' in (augmenter.parameters.parse({}) as object))(
      'makes of the negative picture on white paper the negative of what it makes on black paper',
      () => {
        fc.assert(
          fc.property(anySource, fc.nat(), (source, seed) => {
            const negative = withData(source, (i) => 255 - source.data[i]!);
            const light = run(augmenter, negative, seed, { background: 255 }).data;
            const dark = run(augmenter, source, seed).data;
            // Halves are rounded up on both sides.
            expect(
              mostApart(
                light,
                dark.map((value) => 255 - value),
              ),
            ).toBeLessThanOrEqual(1);
          }),
          { seed: 34 },
        );
      },
    );
  },
);
