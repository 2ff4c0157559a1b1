import { z } from 'zod';
import {
  type AugmenterFactory,
  type AugmenterInstance,
  canvasFor,
  type DrawnValues,
  drawStrokes,
  type ImageView,
  layInk,
  PenDrawing,
  type Random,
} from '../../core/plugin/index.js';
import { PenLinesWriter, PenPath } from './pen-path.js';
import { background, share } from './picture.js';

const parameters = z.strictObject({
  wobble: share(
    0.5,
    0.07,
    'Largest way of a point off its line, as a share of the drawing; twice that at ends.',
  ),
  ends: share(0.3, 0.07, 'Most that a stroke gets longer or shorter at each end, as a share of the drawing.'),
  smoothing: share(1, 0.5, 'Most that corners are rounded.'),
  slant: share(1, 0.12, 'Largest slant: the way to the side for each pixel of height, either way.'),
  aspect: share(2, 0.1, 'Largest change of width against height: 0.25 is from 1/1.25 to 1.25 times.'),
  lineWidth: share(2, 0.2, 'Largest change of the width of the line, likewise.'),
  partScale: share(2, 0.08, 'Largest change of the size of each of several strokes, likewise.'),
  partRotation: z
    .number()
    .min(0)
    .max(90)
    .default(5)
    .describe('Largest angle that each of several strokes is turned by, in degrees, either way.'),
  partShift: share(0.5, 0.04, 'Largest way that each is shifted along each side, as a share of the drawing.'),
  breaks: share(
    1,
    0.04,
    'Share of the pictures whose largest stroke is interrupted, as by a pen that skips.',
  ),
  background,
});
type Parameters = z.output<typeof parameters>;

/** As shares of the drawing: way between points, between random numbers, of an end's direction, around a corner. */
const POINT_SPACING = 0.06;
const WAVE_LENGTH = 0.3;
const END_DIRECTION = 0.08;
const CORNER = 0.1;
/** As shares of the drawing: strokes that are shorter keep their ends, or are not interrupted. */
const SHORTEST_WITH_ENDS = 0.2;
const SHORTEST_BROKEN = 0.8;
/** No end is cut by more than this share of its stroke. */
const MOST_CUT = 0.15;
/** Length of an interruption in widths of the line, one of which its caps take. */
const GAP = 1.7;

/**
 * Distorts the strokes that a picture was drawn from, and redraws it, as the generator of Bengio and others does,
 * "Deep learners benefit more from out-of-distribution examples" (AISTATS 2011): unlike a distortion of pixels, that
 * leaves lines as sharp as a pen makes them. Lengths are shares of the longer side of the drawing, so that a small mark
 * changes in proportion.
 */
export const plugin: AugmenterFactory<Parameters> = {
  name: 'stroke-distortion',
  version: 1,
  description: 'Bends and moves pen strokes, and redraws them.',
  parameters,
  needsStrokes: true,
  create: () => new StrokeDistortion(),
};

class StrokeDistortion implements AugmenterInstance<Parameters> {
  readonly #before = new PenDrawing();
  readonly #path = new PenPath();
  readonly #after = new PenLinesWriter();
  #ink = new Uint8Array(0);

  apply(source: ImageView, target: ImageView, random: Random, limits: Parameters): DrawnValues {
    const values = drawValues(random, limits);
    if (source.strokes === undefined) {
      target.data.set(source.data);
      return values;
    }
    const drawing = this.#before.unpack(source.strokes, source);
    const canvas = canvasFor(source, drawing.width * values.lineWidth);
    this.#distort(drawing, values, limits, random, GAP * canvas.lineWidth);
    const ink = this.#clearInk(source.width * source.height);
    drawStrokes(ink, canvas, this.#after);
    layInk(ink, target, limits.background);
    return values;
  }

  #clearInk(size: number): Uint8Array {
    if (this.#ink.length === size) return this.#ink.fill(0);
    this.#ink = new Uint8Array(size);
    return this.#ink;
  }

  /** Fills `after` with the strokes of a drawing, each changed. */
  #distort(drawing: PenDrawing, values: Values, limits: Parameters, random: Random, gap: number): void {
    const { xs, ys, ends, strokes } = drawing;
    const bounds = boundsOf(xs, ys, 0, ends[strokes - 1]!);
    // Everything is a share of the size: that of a dot must not be 0.
    const size = Math.max(1e-6, bounds.size);
    const broken = values.breakAt > 0 ? largestStroke(drawing) : -1;
    this.#after.clear();
    const path = this.#path;
    for (let stroke = 0; stroke < strokes; stroke++) {
      path.trace(drawing, stroke === 0 ? 0 : ends[stroke - 1]!, ends[stroke]!, POINT_SPACING * size);
      this.#bendPath(size, values, limits.ends, random);
      if (strokes > 1) this.#movePart(size, limits, random);
      this.#slantPath(bounds, values);
      const isBroken = stroke === broken && path.length > Math.max(SHORTEST_BROKEN * size, 4 * gap);
      this.#putPath(isBroken ? values.breakAt : 0, gap);
    }
  }

  /** Changes the ends of the path, rounds its corners and bends it. The order of its points does not matter any more. */
  #bendPath(size: number, { smoothing, wobble }: Values, ends: number, random: Random): void {
    const path = this.#path;
    const changes = [ends * size * signed(random), ends * size * signed(random)];
    if (path.length > SHORTEST_WITH_ENDS * size)
      for (const change of changes) {
        path.changeEnd(Math.max(change, -MOST_CUT * path.length), END_DIRECTION * size);
        path.reverse();
      }
    path.round(CORNER * size, smoothing);
    path.tremble(random, WAVE_LENGTH * size, wobble * size);
  }

  /** Turns, scales and shifts one of several strokes about its middle. */
  #movePart(size: number, limits: Parameters, random: Random): void {
    const path = this.#path;
    const angle = (limits.partRotation * signed(random) * Math.PI) / 180;
    const scale = (1 + limits.partScale) ** signed(random);
    const shiftX = limits.partShift * size * signed(random);
    const shiftY = limits.partShift * size * signed(random);
    const { middleX, middleY } = boundsOf(path.xs, path.ys, 0, path.count);
    const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
    for (let i = 0; i < path.count; i++) {
      const x = path.xs[i]! - middleX;
      const y = path.ys[i]! - middleY;
      path.xs[i] = middleX + shiftX + cos * x - sin * y;
      path.ys[i] = middleY + shiftY + sin * x + cos * y;
    }
  }

  /** Slants the path and changes its width against its height, about the middle of the drawing. */
  #slantPath({ middleX, middleY }: Bounds, { slant, aspect }: Values): void {
    const path = this.#path;
    const wider = Math.sqrt(aspect);
    for (let i = 0; i < path.count; i++) {
      const y = (path.ys[i]! - middleY) / wider;
      path.xs[i] = middleX + wider * (path.xs[i]! - middleX) - slant * y;
      path.ys[i] = middleY + y;
    }
  }

  /** Adds the path to what is drawn, with a gap of `gap` pixels about the share `breakAt` of its way; 0: without one. */
  #putPath(breakAt: number, gap: number): void {
    const path = this.#path;
    const after = this.#after;
    const { xs, ys, along, count, length } = path;
    const start = breakAt > 0 ? breakAt * length - gap / 2 : Infinity;
    let i = 0;
    for (; i < count && along[i]! < start; i++) after.add(xs[i]!, ys[i]!);
    if (i < count) {
      after.add(...path.at(start));
      after.endStroke();
      after.add(...path.at(start + gap));
      while (along[i]! < start + gap) i++;
    }
    for (; i < count; i++) after.add(xs[i]!, ys[i]!);
    after.endStroke();
  }
}

/** Uniform in [-1, 1). */
const signed = (random: Random): number => random.uniform(-1, 1);

function drawValues(random: Random, limits: Parameters) {
  return {
    wobble: limits.wobble * random.uniform(0.4, 1),
    smoothing: limits.smoothing * random.float(),
    slant: limits.slant * signed(random),
    aspect: (1 + limits.aspect) ** signed(random),
    lineWidth: (1 + limits.lineWidth) ** signed(random),
    /** The share of the largest stroke after which it is interrupted, if it is long enough; 0: it is not. */
    breakAt: random.float() < limits.breaks ? random.uniform(0.25, 0.75) : 0,
  };
}
type Values = ReturnType<typeof drawValues>;

/** Where points are, in pixels. */
interface Bounds {
  readonly middleX: number;
  readonly middleY: number;
  /** The longer side. */
  readonly size: number;
}

function boundsOf(xs: Float64Array, ys: Float64Array, from: number, to: number): Bounds {
  let left = Infinity;
  let right = -Infinity;
  let top = Infinity;
  let bottom = -Infinity;
  for (let i = from; i < to; i++) {
    const x = xs[i]!;
    const y = ys[i]!;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  const size = Math.max(right - left, bottom - top);
  return { middleX: (left + right) / 2, middleY: (top + bottom) / 2, size };
}

/** The number of the stroke that takes most room. */
function largestStroke({ xs, ys, ends, strokes }: PenDrawing): number {
  let largest = 0;
  let most = -1;
  for (let stroke = 0; stroke < strokes; stroke++) {
    const { size } = boundsOf(xs, ys, stroke === 0 ? 0 : ends[stroke - 1]!, ends[stroke]!);
    if (size > most) largest = stroke;
    most = Math.max(most, size);
  }
  return largest;
}
