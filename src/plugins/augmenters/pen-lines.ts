import type { PenLines } from '../../core/plugin/index.js';

/** Strokes that are written point by point. Their memory is used again after {@link PenLinesWriter.clear}. */
export class PenLinesWriter implements PenLines {
  xs = new Float64Array(64);
  ys = new Float64Array(64);
  ends = new Int32Array(8);
  strokes = 0;
  #points = 0;

  clear(): void {
    this.strokes = 0;
    this.#points = 0;
  }

  add(x: number, y: number): void {
    if (this.#points === this.xs.length) {
      this.xs = twice(this.xs, Float64Array);
      this.ys = twice(this.ys, Float64Array);
    }
    this.xs[this.#points] = x;
    this.ys[this.#points++] = y;
  }

  endStroke(): void {
    if (this.strokes === this.ends.length) this.ends = twice(this.ends, Int32Array);
    this.ends[this.strokes++] = this.#points;
  }
}

/** A copy with room for as much again. */
export function twice<T extends Float64Array | Int32Array>(values: T, Kind: new (length: number) => T): T {
  const grown = new Kind(2 * values.length);
  grown.set(values);
  return grown;
}
