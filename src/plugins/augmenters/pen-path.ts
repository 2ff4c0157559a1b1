import type { PenLines, Random } from '../../core/plugin/index.js';

/** The nodes of a cubic spline that act on one point. */
const TAPS = 4;
/** How much farther a point moves at an end of the path than in its middle, as a factor. */
const END_REACH = 2;

/** The path of a pen, in pixels, changed in place. The next path reuses its memory. */
export class PenPath {
  count = 0;
  /** Arrays may be longer than the path. */
  xs = new Float64Array(64);
  ys = new Float64Array(64);
  /** The distance along the path from the first point to each. */
  along = new Float64Array(64);
  #roundXs = new Float64Array(64);
  #roundYs = new Float64Array(64);
  #nodes = new Float64Array(64);

  get length(): number {
    return this.along[this.count - 1]!;
  }

  /**
   * Takes the points `from` to before `to` of some lines; where they are farther apart than `spacing`, with points in
   * between, so that a straight line can bend.
   */
  trace({ xs, ys }: PenLines, from: number, to: number, spacing: number): void {
    this.count = 0;
    this.add(xs[from]!, ys[from]!, 0);
    let way = 0;
    for (let i = from + 1; i < to; i++) {
      const dx = xs[i]! - xs[i - 1]!;
      const dy = ys[i]! - ys[i - 1]!;
      const distance = Math.sqrt(dx * dx + dy * dy);
      const pieces = distance > spacing ? Math.ceil(distance / spacing) : 1;
      for (let piece = 1; piece < pieces; piece++) {
        const t = piece / pieces;
        this.add(xs[i - 1]! + dx * t, ys[i - 1]! + dy * t, way + distance * t);
      }
      way += distance;
      this.add(xs[i]!, ys[i]!, way);
    }
  }

  add(x: number, y: number, way: number): void {
    if (this.count === this.xs.length) this.#grow();
    this.xs[this.count] = x;
    this.ys[this.count] = y;
    this.along[this.count++] = way;
  }

  /** The same path from its last point to its first. */
  reverse(): void {
    const { xs, ys, along, count, length } = this;
    xs.subarray(0, count).reverse();
    ys.subarray(0, count).reverse();
    along.subarray(0, count).reverse();
    for (let i = 0; i < count; i++) along[i] = length - along[i]!;
  }

  /**
   * Makes the path longer at its end, or shorter where `pixels` is negative.
   *
   * @param reach the last part of the path, in pixels, whose direction it goes on in
   */
  changeEnd(pixels: number, reach: number): void {
    const { length } = this;
    if (pixels < 0) {
      const [x, y] = this.at(length + pixels);
      while (this.count > 1 && this.along[this.count - 1]! >= length + pixels) this.count--;
      this.add(x, y, length + pixels);
      return;
    }
    const [x, y] = [this.xs[this.count - 1]!, this.ys[this.count - 1]!];
    const [fromX, fromY] = this.at(length - reach);
    const distance = Math.hypot(x - fromX, y - fromY);
    if (pixels === 0 || distance === 0) return;
    const step = pixels / distance;
    this.add(x + step * (x - fromX), y + step * (y - fromY), length + pixels);
  }

  /** The point at a distance along the path. */
  at(way: number): [number, number] {
    let i = this.count - 1;
    while (i > 0 && this.along[i]! > way) i--;
    return [this.#between(this.xs, i, way), this.#between(this.ys, i, way)];
  }

  /**
   * Moves each point by a share of the way to the middle between those that are `reach` pixels before and behind it. Ends
   * stay.
   */
  round(reach: number, share: number): void {
    const { xs, ys, along, count, length } = this;
    let before = 0;
    let behind = 0;
    for (let i = 0; i < count; i++) {
      const way = along[i]!;
      const own = Math.min(reach, way, length - way);
      while (before < count - 1 && along[before + 1]! <= way - own) before++;
      while (behind < count - 1 && along[behind + 1]! <= way + own) behind++;
      const x = (this.#between(xs, before, way - own) + this.#between(xs, behind, way + own)) / 2;
      const y = (this.#between(ys, before, way - own) + this.#between(ys, behind, way + own)) / 2;
      this.#roundXs[i] = xs[i]! + share * (x - xs[i]!);
      this.#roundYs[i] = ys[i]! + share * (y - ys[i]!);
    }
    [this.xs, this.#roundXs] = [this.#roundXs, this.xs];
    [this.ys, this.#roundYs] = [this.#roundYs, this.ys];
  }

  /**
   * Moves the points by smooth random ways: random numbers every `spacing` pixels of the path, interpolated by a cubic
   * B-spline, whose weights are not negative and sum to 1, so that no point moves farther than they say.
   *
   * @param reach most along each axis, in pixels; at the ends {@link END_REACH} times as much
   */
  tremble(random: Random, spacing: number, reach: number): void {
    const { xs, ys, along, count, length } = this;
    const cells = Math.max(1, Math.ceil(length / spacing));
    this.#drawNodes(random, 2 * (cells + TAPS - 1), reach);
    const nodes = this.#nodes;
    for (let i = 0; i < count; i++) {
      const way = along[i]!;
      const place = way / spacing;
      const cell = Math.min(cells - 1, place | 0);
      const t = place - cell;
      const s = 1 - t;
      const w0 = (s * s * s) / 6;
      const w1 = (4 + 3 * t * t * (t - 2)) / 6;
      const w2 = (4 + 3 * s * s * (s - 2)) / 6;
      const w3 = (t * t * t) / 6;
      const toEnd = Math.min(way, length - way) / spacing;
      const factor = toEnd < 1 ? END_REACH + (1 - END_REACH) * toEnd : 1;
      const n = 2 * cell;
      xs[i]! += factor * (w0 * nodes[n]! + w1 * nodes[n + 2]! + w2 * nodes[n + 4]! + w3 * nodes[n + 6]!);
      ys[i]! += factor * (w0 * nodes[n + 1]! + w1 * nodes[n + 3]! + w2 * nodes[n + 5]! + w3 * nodes[n + 7]!);
    }
  }

  /** Uniform in [-1, 1] times the reach, in 256 steps: so four of them come from one random word. */
  #drawNodes(random: Random, count: number, reach: number): void {
    if (this.#nodes.length < count) this.#nodes = new Float64Array(2 * count);
    const step = reach / 127.5;
    for (let i = 0, word = 0; i < count; i++) {
      word = (i & 3) === 0 ? random.uint32() : word >>> 8;
      this.#nodes[i] = ((word & 255) - 127.5) * step;
    }
  }

  /** A coordinate at the distance `way` along the path; point `i` is the last one before it. */
  #between(values: Float64Array, i: number, way: number): number {
    const value = values[i]!;
    if (i === this.count - 1) return value;
    const piece = this.along[i + 1]! - this.along[i]!;
    return piece > 0 ? value + ((values[i + 1]! - value) * (way - this.along[i]!)) / piece : value;
  }

  #grow(): void {
    this.xs = twice(this.xs, Float64Array);
    this.ys = twice(this.ys, Float64Array);
    this.along = twice(this.along, Float64Array);
    this.#roundXs = twice(this.#roundXs, Float64Array);
    this.#roundYs = twice(this.#roundYs, Float64Array);
  }
}

/** Strokes that are written point by point. {@link PenLinesWriter.clear} makes their memory free for others. */
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

/** A copy of twice the length. */
function twice<T extends Float64Array | Int32Array>(values: T, Kind: new (length: number) => T): T {
  const grown = new Kind(2 * values.length);
  grown.set(values);
  return grown;
}
