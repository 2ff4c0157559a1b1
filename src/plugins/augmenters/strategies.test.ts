import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadPipeline } from '../../core/data/augment/pipeline.js';
import { CHARACTER_LIMITS, STRATEGIES, STRATEGY_NAMES } from '../../core/data/augment/settings.js';
import { drawSegment } from '../../core/plugin/index.js';
import { PluginRegistry } from '../../core/plugin/registry.js';
import { builtinPlugins } from '../index.js';

const registry = new PluginRegistry(builtinPlugins);
const EXTRAS = { canvasStyle: 0.3, mixup: 0.2 };

function picture(draw: (data: Uint8Array) => void) {
  const data = new Uint8Array(784);
  draw(data);
  return { width: 28, height: 28, channels: 1, data };
}
const CANVAS = { width: 28, height: 28, lineWidth: 2.2 };

describe.each(STRATEGY_NAMES)('%s', (name) => {
  it('loads, with what a user may add', async () => {
    const pipeline = await loadPipeline(registry, name, EXTRAS);
    expect(JSON.parse(pipeline.fingerprint).steps.length).toBe(STRATEGIES[name].length + 2);
    expect(pipeline.needsPartner).toBe(true);
  });

  it.each([
    ['.', picture((data) => drawSegment(data, CANVAS, 14, 14, 14, 14))],
    ["'", picture((data) => drawSegment(data, CANVAS, 14, 11, 13.5, 16))],
    ['-', picture((data) => drawSegment(data, CANVAS, 8, 14, 20, 14))],
  ])('keeps the small mark %s: some of its ink is left, and some of it is bright', async (label, source) => {
    const pipeline = await loadPipeline(registry, name, { canvasStyle: 0.3 });
    const ink = (data: Uint8Array) => data.reduce((sum, value) => sum + value, 0);
    for (let copy = 0; copy < 300; copy++) {
      const { data } = pipeline.apply(source, { seed: 1, sample: 2, copy }, label);
      expect(ink(data)).toBeGreaterThan(0.35 * ink(source.data));
      expect(Math.max(...data)).toBeGreaterThan(80);
    }
  });
});

/** Those for drawings. */
const FOR_DRAWINGS = STRATEGY_NAMES.filter((name) => name !== 'photo');

it('has strategies for drawings of rising complexity: more steps, more probable', () => {
  const complexity = FOR_DRAWINGS.map((name) =>
    STRATEGIES[name].reduce((sum, { probability }) => sum + probability, 0),
  );
  expect(complexity).toEqual([...complexity].sort((a, b) => a - b));
  expect(new Set(complexity).size).toBe(FOR_DRAWINGS.length);
});

it('has limits for characters that name real numbers of real augmenters', async () => {
  for (const { labels, augmenter, parameters = {} } of CHARACTER_LIMITS) {
    const known = (await registry.load('augmenter', augmenter)).parameters.parse({});
    for (const name of Object.keys(parameters)) expect(typeof known[name]).toBe('number');
    expect(labels.every((label) => [...label].length === 1)).toBe(true);
  }
});

it('turns a character that becomes another one less than others', async () => {
  const pipeline = await loadPipeline(registry, [
    { augmenter: 'affine', probability: 1, parameters: { rotation: 90 } },
  ]);
  const source = picture((data) => drawSegment(data, CANVAS, 8, 8, 20, 20));
  const turned = (label: string) =>
    Math.max(
      ...Array.from({ length: 300 }, (_, copy) =>
        Math.abs(pipeline.apply(source, { seed: 1, sample: 2, copy }, label).operations[0]!.values.rotation!),
      ),
    );
  expect([turned('6') <= 15, turned('/') <= 8, turned('+') <= 10, turned('A') <= 15]).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(turned('G')).toBeGreaterThan(80);
  // A class that is a word is no character.
  expect(turned('69')).toBeGreaterThan(80);
});

it('makes of pictures without strokes what it made before strokes were kept', async () => {
  const hash = createHash('sha256');
  const glyph = picture((data) => {
    drawSegment(data, CANVAS, 7, 23, 13, 5);
    drawSegment(data, CANVAS, 13, 5, 20, 22);
    drawSegment(data, CANVAS, 9, 16, 18, 15);
  });
  const mark = picture((data) => drawSegment(data, CANVAS, 14, 11, 13.5, 16));
  for (const name of FOR_DRAWINGS) {
    const pipeline = await loadPipeline(registry, name, EXTRAS);
    for (const [source, label] of [
      [glyph, 'A'],
      [mark, "'"],
    ] as const)
      for (let copy = 0; copy < 100; copy++)
        hash.update(pipeline.apply(source, { seed: 3, sample: 5, copy }, label, glyph).data);
  }
  expect(hash.digest('hex')).toBe('e4f32f19a56328755ec4970e0b4d04bc8d2fd34d505deecbc5ddfa649dbf4583');
});

it('neither mirrors nor cuts what is called by a single character, and does both with photographs', async () => {
  const pipeline = await loadPipeline(registry, 'photo');
  const source = {
    width: 24,
    height: 24,
    channels: 3,
    data: new Uint8Array(1728).map((_, i) => (i * 89) % 256),
  };
  const names = (label: string) =>
    new Set(
      Array.from({ length: 200 }, (_, copy) =>
        pipeline.apply(source, { seed: 1, sample: 2, copy }, label).operations.map(({ name }) => name),
      ).flat(),
    );
  for (const label of ['b', 'R', '7', '?', '(']) {
    const used = names(label);
    expect([used.has('flip'), used.has('random-crop'), used.has('colour-jitter')]).toEqual([
      false,
      false,
      true,
    ]);
  }
  expect(names('cat')).toEqual(new Set(STRATEGIES.photo.map(({ augmenter }) => augmenter)));
});
