import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawSegment, Random } from '../../core/plugin/index.js';
import { plugin, Skeletonizer } from './canvas-style.js';

/** Parts of a mask that hang together, over corners (8) or not (4). */
function countParts(cells: readonly boolean[], stride: number, corners: boolean): number {
  const steps = [
    1,
    -1,
    stride,
    -stride,
    ...(corners ? [stride + 1, stride - 1, -stride + 1, -stride - 1] : []),
  ];
  const left = new Set(cells.flatMap((cell, i) => (cell ? [i] : [])));
  let parts = 0;
  for (const start of left) {
    parts++;
    const open = [start];
    left.delete(start);
    for (let at = open.pop(); at !== undefined; at = open.pop())
      for (const step of steps) if (left.delete(at + step)) open.push(at + step);
  }
  return parts;
}

describe('Skeletonizer', () => {
  const skeletonizer = new Skeletonizer();
  it('keeps the parts and the holes of any picture, and only takes ink away', () => {
    const anyMask = fc
      .tuple(
        fc.integer({ min: 1, max: 14 }),
        fc.integer({ min: 1, max: 14 }),
        fc.nat(),
        fc.constantFrom(0.3, 0.6, 0.9),
      )
      .map(([width, height, seed, ink]) => {
        const random = new Random(seed, 'synthesize');
        const stride = width + 2;
        const mask = new Uint8Array(stride * (height + 2));
        for (let y = 1; y <= height; y++)
          for (let x = 1; x <= width; x++) mask[y * stride + x] = random.float() < ink ? 1 : 0;
        return { mask, stride };
      });
    fc.assert(
      fc.property(anyMask, ({ mask, stride }) => {
        const before = Array.from(mask, (value) => value === 1);
        const ink = Int32Array.from(before.flatMap((cell, i) => (cell ? [i] : [])));
        const count = skeletonizer.skeletonize(mask, stride, ink, ink.length);
        const after = Array.from(mask, (value) => value === 1);
        expect(countParts(after, stride, true)).toBe(countParts(before, stride, true));
        const paper = (cells: boolean[]) =>
          countParts(
            cells.map((cell) => !cell),
            stride,
            false,
          );
        // The border of the mask joins all paper that is outside; a row's end touches the next row's beginning.
        expect(paper(after)).toBe(paper(before));
        expect(after.every((cell, i) => !cell || before[i])).toBe(true);
        expect([...ink.subarray(0, count)]).toEqual(after.flatMap((cell, i) => (cell ? [i] : [])));
      }),
      { seed: 36, numRuns: 300 },
    );
  });

  it('makes a thick bar a line of one pixel, about as long as it was', () => {
    const mask = new Uint8Array(30 * 30);
    for (let y = 10; y < 15; y++) for (let x = 4; x < 26; x++) mask[y * 30 + x] = 1;
    const ink = Int32Array.from([...mask.keys()].filter((i) => mask[i]));
    const count = skeletonizer.skeletonize(mask, 30, ink, ink.length);
    const rows = [...ink.subarray(0, count)].map((pixel) => Math.floor(pixel / 30));
    expect(new Set(rows).size).toBe(1);
    expect(count).toBeGreaterThan(22 - 5);
  });
});

describe('canvas-style', () => {
  const augmenter = plugin.create();
  const still = { ...plugin.parameters.parse({}), scale: 0, shift: 0, wobble: 0, dotted: 0 };
  const picture = () => ({ width: 28, height: 28, channels: 1, data: new Uint8Array(784) });
  const redraw = (source: ReturnType<typeof picture>, parameters: typeof still, seed = 0) => {
    const target = picture();
    augmenter.apply(source, target, new Random(seed, 'augment'), parameters);
    return target.data;
  };

  it('draws a line of another width where the line was, in its own width', () => {
    const source = picture();
    drawSegment(source.data, { width: 28, height: 28, lineWidth: 5 }, 6, 14, 22, 14);
    const made = redraw(source, { ...still, thinnest: 0.1, thickest: 0.1 });
    for (let x = 10; x < 18; x++) {
      const column = Array.from({ length: 28 }, (_, y) => made[y * 28 + x]! / 255);
      const width = column.reduce((sum, ink) => sum + ink, 0);
      const middle = column.reduce((sum, ink, y) => sum + ink * (y + 0.5), 0) / width;
      expect(Math.abs(width - 2.8)).toBeLessThan(0.05);
      // A line of an even number of pixels has its middle between two.
      expect(Math.abs(middle - 14)).toBeLessThan(0.51);
    }
  });

  it.each([1, 2, 4])('keeps a dot of %i pixels, as a dot of the width of the line', (size) => {
    const source = picture();
    for (let y = 12; y < 12 + size; y++) source.data.fill(255, y * 28 + 12, y * 28 + 12 + size);
    const ink =
      redraw(source, { ...still, thinnest: 0.1, thickest: 0.1 }).reduce((sum, value) => sum + value, 0) / 255;
    // A disc of 2.8 pixels has 6.2; a thinned dot can be two or three pixels long.
    expect(ink).toBeGreaterThan(5.5);
    expect(ink).toBeLessThan(14);
  });

  it('dots a part of the line where the mouse is fast', () => {
    const source = picture();
    drawSegment(source.data, { width: 28, height: 28, lineWidth: 2.2 }, 4, 14, 24, 14);
    const sum = (dotted: number) =>
      Array.from({ length: 20 }, (_, seed) =>
        redraw(source, { ...still, dotted }, seed).reduce((a, b) => a + b, 0),
      ).reduce((a, b) => a + b, 0);
    expect(sum(1)).toBeLessThan(0.97 * sum(0));
    expect(sum(1)).toBeGreaterThan(0.6 * sum(0));
  });

  it('gives paper for paper', () => {
    expect(redraw(picture(), still)).toEqual(new Uint8Array(784));
  });
});
