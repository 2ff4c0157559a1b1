import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hash32 } from '../../core/base/random.js';
import { loadPipeline } from '../../core/data/augment/pipeline.js';
import { STRATEGY_NAMES } from '../../core/data/augment/settings.js';
import { packDrawing } from '../../core/image/strokes/packed.js';
import type { Stroke } from '../../core/image/strokes/rasterize.js';
import { type ImageView, Random } from '../../core/plugin/index.js';
import { PluginRegistry } from '../../core/plugin/registry.js';
import { builtinPlugins } from '../index.js';
import { PenPath } from './pen-path.js';
import { plugin } from './stroke-distortion.js';

const augmenter = plugin.create();
const registry = new PluginRegistry(builtinPlugins);
const NONE = {
  wobble: 0,
  ends: 0,
  smoothing: 0,
  partRotation: 0,
  partScale: 0,
  partShift: 0,
  slant: 0,
  aspect: 0,
  lineWidth: 0,
  breaks: 0,
};
const frame = { width: 28, height: 28, channels: 1 };
const viewOf = (...strokes: Stroke[]): ImageView => {
  const view = { ...frame, data: new Uint8Array(784), strokes: packDrawing(strokes, frame) };
  augmenter.apply(view, view, new Random(0, 'augment'), plugin.parameters.parse(NONE));
  return view;
};
const draw = (source: ImageView, parameters: Partial<typeof NONE>, seed = 0) => {
  const target = { ...source, data: new Uint8Array(source.data.length) };
  const given = plugin.parameters.parse({ ...NONE, ...parameters });
  const values = augmenter.apply(source, target, new Random(seed, 'augment'), given);
  return { data: target.data, values };
};
const inkOf = (data: Uint8Array) => data.reduce((sum, value) => sum + value, 0) / 255;
const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);

const upright: Stroke = [
  [14, 4],
  [14, 24],
];
const level: Stroke = [
  [6, 14],
  [22, 14],
];

describe('stroke-distortion', () => {
  it('makes lines wider and thinner within its limit, and by what it says', () => {
    const source = viewOf(level);
    for (const seed of SEEDS) {
      const { data, values } = draw(source, { lineWidth: 0.5 }, seed);
      expect(values.lineWidth).toBeGreaterThanOrEqual(1 / 1.5);
      expect(values.lineWidth).toBeLessThan(1.5);
      const column = Array.from({ length: 28 }, (_, y) => data[y * 28 + 14]! / 255);
      const width = column.reduce((sum, ink) => sum + ink, 0);
      // A straight edge covers exactly; two of them are rounded to grey levels.
      expect(Math.abs(width - 2 * values.lineWidth!)).toBeLessThan(0.02);
    }
  });

  it('slants by what it says', () => {
    const source = viewOf(upright);
    for (const seed of SEEDS) {
      const { data, values } = draw(source, { slant: 0.4 }, seed);
      const middleOf = (y: number) => {
        const row = [...data.subarray(y * 28, y * 28 + 28)];
        const sum = row.reduce((a, b) => a + b, 0);
        return row.reduce((a, b, x) => a + b * (x + 0.5), 0) / sum;
      };
      // Grey levels tell the middle of a row to a tenth of a pixel.
      expect(Math.abs((middleOf(8) - middleOf(19)) / 11 - values.slant!)).toBeLessThan(0.2 / 11);
    }
  });

  it('makes strokes longer and shorter at both ends, and cuts no more than a part of them', () => {
    const source = viewOf(level);
    const lengths = SEEDS.map((seed) => inkOf(draw(source, { ends: 0.3 }, seed).data) / 2.2);
    const whole = inkOf(source.data) / 2.2;
    // 16 pixels, 4.8 more at each end; 2.4 less, of what is left of it the second time.
    expect(Math.max(...lengths)).toBeLessThan(whole + 9.7);
    expect(Math.min(...lengths)).toBeGreaterThan(whole - 5.5);
    expect(Math.max(...lengths)).toBeGreaterThan(whole + 4);
    expect(Math.min(...lengths)).toBeLessThan(whole - 3);
  });

  it('rounds corners towards their inside, and leaves straight lines', () => {
    const corner = viewOf([...level, [22, 24]]);
    const at = (data: Uint8Array) => data[13 * 28 + 22]!;
    expect(draw(viewOf(level), { smoothing: 1 }).data).toEqual(viewOf(level).data);
    const rounded = SEEDS.map((seed) => at(draw(corner, { smoothing: 1 }, seed).data));
    expect(Math.max(...rounded)).toBeLessThanOrEqual(at(corner.data));
    expect(Math.min(...rounded)).toBeLessThan(at(corner.data) / 2);
  });

  it('moves the parts of a drawing on their own, and a single stroke not at all', () => {
    const parameters = { partShift: 0.1, partRotation: 10, partScale: 0.2 };
    expect(draw(viewOf(upright), parameters).data).toEqual(viewOf(upright).data);
    const cross = viewOf(upright, level);
    const drawn = new Set(SEEDS.map((seed) => draw(cross, parameters, seed).data.join()));
    expect(drawn.size).toBe(SEEDS.length);
  });

  it('interrupts a long line once, and no short one', () => {
    const runs = (source: ImageView, seed: number) => {
      const row = [...draw(source, { breaks: 1 }, seed).data.subarray(14 * 28, 15 * 28)];
      return row.filter((value, x) => value > 128 && !(row[x - 1]! > 128)).length;
    };
    for (const seed of SEEDS) {
      expect(runs(viewOf(level), seed)).toBe(2);
      const dash: Stroke = [
        [12, 14],
        [16, 14],
      ];
      expect(runs(viewOf(dash), seed)).toBe(1);
    }
  });

  it('changes a small mark in proportion: its middle moves by a share of its own size', () => {
    const middleOf = (data: Uint8Array) => {
      const sum = data.reduce((a, b) => a + b, 0);
      const x = data.reduce((a, b, i) => a + b * (i % 28), 0) / sum;
      return [x, data.reduce((a, b, i) => a + b * Math.floor(i / 28), 0) / sum] as const;
    };
    const mark = viewOf([
      [13, 13],
      [15, 15],
    ]);
    const [x, y] = middleOf(mark.data);
    for (const seed of SEEDS) {
      const made = middleOf(draw(mark, { wobble: 0.3, slant: 0.3, aspect: 0.3 }, seed).data);
      // 2 pixels wide: at most 0.6 off, twice that at the ends.
      expect(Math.hypot(made[0] - x, made[1] - y)).toBeLessThan(1.2 * Math.SQRT2);
    }
  });

  it('gives the picture where there are no strokes', () => {
    const data = new Uint8Array(784).map((_, i) => i);
    expect(draw({ ...frame, data }, { wobble: 0.2 }).data).toEqual(data);
  });
});

describe('the pipeline', () => {
  const source = viewOf(upright, level);
  const { strokes: _, ...pixelsOnly } = source;
  const key = (copy: number) => ({ seed: 1, sample: hash32('cross'), copy });
  const step = (augmenter: string, probability = 1) => ({ augmenter, probability, parameters: {} });

  it('puts what needs strokes first, wherever it was written and whatever a user adds', async () => {
    const strategy = [step('affine'), step('stroke-distortion')];
    const pipeline = await loadPipeline(registry, strategy, { canvasStyle: 1 });
    expect(pipeline.needsStrokes).toBe(true);
    const { operations } = pipeline.apply(source, key(0), 'A');
    expect(operations.map(({ name }) => name)).toEqual(['stroke-distortion', 'canvas-style', 'affine']);
  });

  it('distorts strokes once at most: a second time they would not be those of the picture', async () => {
    const strategy = [step('stroke-distortion', 0.5), step('stroke-distortion', 0.5)];
    const pipeline = await loadPipeline(registry, strategy);
    const counts = Array.from(
      { length: 100 },
      (_, copy) => pipeline.apply(source, key(copy), 'A').operations.length,
    );
    expect(new Set(counts)).toEqual(new Set([0, 1]));
  });

  it.each(STRATEGY_NAMES)(
    'of strategy %s makes of pictures without strokes what it makes without the step',
    async (name) => {
      const pipeline = await loadPipeline(registry, name);
      for (let copy = 0; copy < 50; copy++) {
        const without = pipeline.apply(pixelsOnly, key(copy), 'A').operations;
        const { operations } = pipeline.apply(source, key(copy), 'A');
        expect(without).toEqual(operations.filter((operation) => operation.name !== 'stroke-distortion'));
      }
    },
  );

  it('keeps a mark a mark, with each strategy', async () => {
    const comma = viewOf([
      [14.5, 12.5],
      [14, 15],
      [13, 16],
    ]);
    const pipeline = await loadPipeline(registry, [step('stroke-distortion')]);
    for (let copy = 0; copy < 300; copy++) {
      const ink = inkOf(pipeline.apply(comma, key(copy), ',').data);
      expect(ink / inkOf(comma.data)).toBeGreaterThan(0.75);
      expect(ink / inkOf(comma.data)).toBeLessThan(1.35);
    }
  });
});

describe('PenPath', () => {
  const place = fc.integer({ min: 0, max: 224 }).map((eighths) => eighths / 8);
  const anyPath = fc.array(fc.tuple(place, place), { minLength: 1, maxLength: 90 }).map((points) => ({
    xs: Float64Array.from(points, ([x]) => x),
    ys: Float64Array.from(points, ([, y]) => y),
    ends: Int32Array.of(points.length),
    strokes: 1,
  }));
  const path = new PenPath();
  const traced = (lines: Parameters<PenPath['trace']>[0], spacing = 1.5) => {
    path.trace(lines, 0, lines.xs.length, spacing);
    return path;
  };
  const pointsOf = ({ xs, ys, count }: PenPath) =>
    Array.from({ length: count }, (_, i) => [xs[i]!, ys[i]!] as const);

  it('has no points farther apart than the spacing, and counts the way to each', () => {
    fc.assert(
      fc.property(anyPath, (lines) => {
        const points = pointsOf(traced(lines));
        let way = 0;
        for (const [i, [x, y]] of points.entries()) {
          const distance = i === 0 ? 0 : Math.hypot(x - points[i - 1]![0], y - points[i - 1]![1]);
          expect(distance).toBeLessThanOrEqual(1.5 + 1e-9);
          way += distance;
          expect(path.along[i]).toBeCloseTo(way, 9);
        }
        for (const [i, x] of lines.xs.entries())
          expect(points.some((point) => point[0] === x && point[1] === lines.ys[i])).toBe(true);
      }),
      { seed: 43 },
    );
  });

  it('is the same path after it was turned round twice', () => {
    fc.assert(
      fc.property(anyPath, (lines) => {
        const before = pointsOf(traced(lines));
        path.reverse();
        expect(pointsOf(path)).toEqual(before.toReversed());
        path.reverse();
        expect(pointsOf(path)).toEqual(before);
      }),
      { seed: 44 },
    );
  });

  it('is longer or shorter at its end by the pixels asked for', () => {
    fc.assert(
      fc.property(anyPath, fc.double({ min: -0.9, max: 0.9, noNaN: true }), (lines, share) => {
        const { length } = traced(lines);
        path.changeEnd(share * length, 2);
        // A path that comes back to where it was has no direction to go on in.
        if (share < 0 || path.length > length) expect(path.length).toBeCloseTo((1 + share) * length, 6);
        for (let i = 1; i < path.count; i++) expect(path.along[i]).toBeGreaterThanOrEqual(path.along[i - 1]!);
      }),
      { seed: 45 },
    );
  });

  it('moves no point farther than the reach, and twice that at the ends', () => {
    fc.assert(
      fc.property(anyPath, fc.nat(), (lines, seed) => {
        const before = pointsOf(traced(lines));
        path.tremble(new Random(seed, 'augment'), 6, 0.8);
        for (const [i, [x, y]] of pointsOf(path).entries()) {
          const toEnd = Math.min(path.along[i]!, path.length - path.along[i]!) / 6;
          const most = 0.8 * Math.max(1, 2 - toEnd) + 1e-9;
          expect(Math.abs(x - before[i]![0])).toBeLessThanOrEqual(most);
          expect(Math.abs(y - before[i]![1])).toBeLessThanOrEqual(most);
        }
      }),
      { seed: 46 },
    );
  });

  it('rounds within the hull of its points: nothing leaves their box, and the ends stay', () => {
    fc.assert(
      fc.property(anyPath, (lines) => {
        const before = pointsOf(traced(lines));
        path.round(3, 1);
        const after = pointsOf(path);
        expect([after[0], after.at(-1)]).toEqual([before[0], before.at(-1)]);
        for (const axis of [0, 1] as const) {
          const values = before.map((point) => point[axis]);
          for (const point of after) {
            expect(point[axis]).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
            expect(point[axis]).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
          }
        }
      }),
      { seed: 47 },
    );
  });
});
