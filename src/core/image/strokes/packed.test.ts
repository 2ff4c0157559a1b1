import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawingBytes, drawingOf, findDrawings, PenDrawing, packDrawing } from './packed.js';
import type { Stroke } from './rasterize.js';

const FRAME = { width: 40, height: 28 };
/** Half a step of 1/16384 of the longer side, and what double precision adds. */
const TOLERANCE = 40 / 16_384 / 2 + 1e-9;

const coordinate = fc.double({ min: -59, max: 93, noNaN: true });
const anyStroke: fc.Arbitrary<Stroke> = fc.array(fc.tuple(coordinate, coordinate), {
  minLength: 1,
  maxLength: 300,
});
const anyStrokes = fc.array(anyStroke, { minLength: 1, maxLength: 5 });

function strokesOf({ xs, ys, ends, strokes }: PenDrawing): [number, number][][] {
  return Array.from({ length: strokes }, (_, stroke) => {
    const from = stroke === 0 ? 0 : ends[stroke - 1]!;
    return Array.from({ length: ends[stroke]! - from }, (_, i) => [xs[from + i]!, ys[from + i]!]);
  });
}

describe('packDrawing', () => {
  it('keeps each point to half a step, whatever was unpacked before', () => {
    const drawing = new PenDrawing();
    fc.assert(
      fc.property(anyStrokes, fc.double({ min: 0.1, max: 15, noNaN: true }), (strokes, width) => {
        drawing.unpack(packDrawing(strokes, FRAME, width), FRAME);
        expect(Math.abs(drawing.width - width)).toBeLessThanOrEqual(0.5 / 4096);
        const found = strokesOf(drawing);
        expect(found.map(({ length }) => length)).toEqual(strokes.map(({ length }) => length));
        for (const [i, [x, y]] of strokes.flat().entries()) {
          expect(Math.abs(found.flat()[i]![0] - x)).toBeLessThanOrEqual(TOLERANCE);
          expect(Math.abs(found.flat()[i]![1] - y)).toBeLessThanOrEqual(TOLERANCE);
        }
      }),
      { seed: 41 },
    );
  });

  it('keeps more points in a stroke than a signed word counts', () => {
    const stroke = Array.from({ length: 40_000 }, (_, i) => [i / 2000, 14] as const);
    const { ends } = new PenDrawing().unpack(packDrawing([stroke, stroke], FRAME), FRAME);
    expect([...ends]).toEqual([40_000, 80_000]);
  });

  it.each([
    ['no stroke', [], 1],
    ['a stroke without points', [[]], 1],
    ['a point far out', [[[14 + 57, 14] as const]], 1],
    ['a point that is no number', [[[Number.NaN, 14] as const]], 1],
    ['too many points', [new Array(65_536).fill([14, 14])], 1],
    ['a pen without width', [[[14, 14] as const]], 0],
  ])('refuses %s', (_, strokes: readonly Stroke[], width) => {
    const frame = { width: 28, height: 28 };
    expect(() => packDrawing(strokes, frame, width)).toThrow(
      expect.objectContaining({ code: 'ROBLE_STROKES_INVALID' }),
    );
  });
});

describe('drawings behind one another', () => {
  it('are found again, also those of pictures without strokes', () => {
    fc.assert(
      fc.property(fc.array(fc.option(anyStrokes, { nil: undefined }), { maxLength: 8 }), (pictures) => {
        const drawings = pictures.map((strokes) => strokes && packDrawing(strokes, FRAME));
        const bytes = Buffer.concat(drawings.map(drawingBytes));
        const words = new Int16Array(bytes.length / 2);
        for (let i = 0; i < words.length; i++) words[i] = bytes.readInt16LE(2 * i);
        const starts = new Uint32Array(pictures.length + 1);
        starts[pictures.length] = findDrawings(words, 0, pictures.length, starts, 0);
        expect(starts[pictures.length]).toBe(words.length);
        for (const [i, drawing] of drawings.entries())
          expect(drawingOf({ words, starts }, i)).toEqual(drawing);
      }),
      { seed: 42, numRuns: 50 },
    );
  });
});
