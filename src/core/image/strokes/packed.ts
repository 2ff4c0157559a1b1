import { RobleError } from '../../base/errors.js';
import type { PenLines, Stroke } from './rasterize.js';

/** Steps of a coordinate in the longer side of the frame: with 28 pixels, 585 in a pixel. */
const STEPS = 16_384;
/** Steps of the width of the pen in the usual one. */
const WIDTH_STEPS = 4096;
const MOST = 32_767;
const MOST_UNSIGNED = 65_535;

/**
 * The strokes of one picture in 16-bit words: the number of strokes, the width of the pen, and for each stroke the number of its
 * points and then the points, x and y in turn.
 *
 * Coordinates are signed, in 1/16384 of the longer side of the frame, from its middle, y down: up to two sides away.
 * The width is in 1/4096 of the usual width of a line in the frame. It and the counts are unsigned. A picture without
 * strokes is the one word 0.
 */
export type PackedDrawing = Int16Array;

/** The strokes of many pictures, over SharedArrayBuffers where they were loaded, so that threads read one copy. */
export interface PackedStrokes {
  /** One {@link PackedDrawing} after the other. */
  readonly words: Int16Array;
  /** The index of the first word of each picture, and after the last picture the number of words. */
  readonly starts: Uint32Array;
}

type Frame = { readonly width: number; readonly height: number };

/**
 * Packs strokes that lie in a frame, rounded to the nearest step.
 *
 * @param strokes in pixels of the frame
 * @param width of the pen, in shares of the usual one
 * @throws {RobleError} `ROBLE_STROKES_INVALID` for points too far away, or more of them, than the words can hold
 */
export function packDrawing(strokes: readonly Stroke[], frame: Frame, width = 1): PackedDrawing {
  const words = new Int16Array(strokes.reduce((sum, { length }) => sum + 1 + 2 * length, 2));
  const steps = STEPS / Math.max(frame.width, frame.height);
  words[0] = count(strokes.length, 'strokes');
  words[1] = count(Math.round(WIDTH_STEPS * width), 'steps of the width of the pen');
  let at = 2;
  for (const stroke of strokes) {
    words[at++] = count(stroke.length, 'points in a stroke');
    for (const [x, y] of stroke) {
      words[at++] = coordinate(Math.round(steps * (x - frame.width / 2)));
      words[at++] = coordinate(Math.round(steps * (y - frame.height / 2)));
    }
  }
  return words;
}

function count(value: number, what: string): number {
  if (value >= 1 && value <= MOST_UNSIGNED) return value;
  throw new RobleError('ROBLE_STROKES_INVALID', `The drawing has too few or too many ${what}.`, {
    received: value,
    expected: `1 to ${MOST_UNSIGNED}`,
  });
}

function coordinate(value: number): number {
  if (Math.abs(value) <= MOST) return value;
  throw new RobleError('ROBLE_STROKES_INVALID', 'A point of the drawing is too far out of the picture.', {
    received: `${(value / STEPS).toFixed(1)} sides from the middle`,
    expected: 'at most 2',
  });
}

/** The strokes of a picture; undefined if it has none. */
export function drawingOf(strokes: PackedStrokes | undefined, picture: number): PackedDrawing | undefined {
  if (!strokes) return undefined;
  const start = strokes.starts[picture]!;
  const end = strokes.starts[picture + 1]!;
  return end - start > 1 ? strokes.words.subarray(start, end) : undefined;
}

/** A drawing as in a file: little-endian. */
export function drawingBytes(drawing: PackedDrawing | undefined): Uint8Array {
  const words = drawing ?? [0];
  const bytes = new Uint8Array(2 * words.length);
  for (let i = 0; i < words.length; i++) {
    bytes[2 * i] = words[i]!;
    bytes[2 * i + 1] = words[i]! >> 8;
  }
  return bytes;
}

/**
 * Finds where each of `pictures` drawings begins in the words from `at` on.
 *
 * @param starts receives the indices, from its index `first` on
 * @returns the index after the last drawing; larger than the number of words if they end early
 */
export function findDrawings(
  words: Int16Array,
  at: number,
  pictures: number,
  starts: Uint32Array,
  first: number,
): number {
  let next = at;
  for (let i = 0; i < pictures; i++) {
    starts[first + i] = next;
    const strokes = words[next]! & MOST_UNSIGNED;
    if (strokes === 0) {
      next += 1;
      continue;
    }
    next += 2;
    for (let stroke = 0; stroke < strokes; stroke++) next += 1 + 2 * (words[next]! & MOST_UNSIGNED);
  }
  return next;
}

/** Strokes unpacked into reused memory. Its arrays may be longer than their content. */
export class PenDrawing implements PenLines {
  xs = new Float64Array(0);
  ys = new Float64Array(0);
  ends = new Int32Array(0);
  strokes = 0;
  /** Width of the pen, in shares of the usual width of a line. */
  width = 1;

  /** Replaces the content by a drawing, in pixels of the frame. */
  unpack(drawing: PackedDrawing, frame: Frame): this {
    this.#reserve(drawing.length >> 1, drawing[0]! & MOST_UNSIGNED);
    this.strokes = drawing[0]! & MOST_UNSIGNED;
    this.width = (drawing[1]! & MOST_UNSIGNED) / WIDTH_STEPS;
    const { xs, ys, ends } = this;
    const step = Math.max(frame.width, frame.height) / STEPS;
    const middleX = frame.width / 2;
    const middleY = frame.height / 2;
    let at = 2;
    let point = 0;
    for (let stroke = 0; stroke < this.strokes; stroke++) {
      const end = point + (drawing[at++]! & MOST_UNSIGNED);
      for (; point < end; point++) {
        xs[point] = middleX + step * drawing[at++]!;
        ys[point] = middleY + step * drawing[at++]!;
      }
      ends[stroke] = end;
    }
    return this;
  }

  #reserve(points: number, strokes: number): void {
    if (this.xs.length < points) {
      this.xs = new Float64Array(points);
      this.ys = new Float64Array(points);
    }
    if (this.ends.length < strokes) this.ends = new Int32Array(strokes);
  }
}
