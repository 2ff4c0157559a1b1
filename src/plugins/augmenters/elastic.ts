import { z } from 'zod';
import type {
  AugmenterFactory,
  AugmenterInstance,
  DrawnValues,
  ImageView,
  Random,
} from '../../core/plugin/index.js';
import { type Box, background, growBox, inkBox, share } from './picture.js';
import { PIXEL, Resampler, type RowPositions } from './resample.js';

const parameters = z.strictObject({
  alpha: share(0.5, 0.12, 'Largest displacement of a point, as a share of the side.'),
  cells: z
    .int()
    .min(1)
    .max(32)
    .default(4)
    .describe('Cells of the coarse grid along a side: more of them make shorter waves.'),
  background,
});
type Parameters = z.output<typeof parameters>;

/** The nodes of a cubic spline that act on one point, along a side. */
const TAPS = 4;

/**
 * Smooth random displacements, after Simard, Steinkraus and Platt, "Best practices for convolutional neural networks
 * applied to visual document analysis" (ICDAR 2003). They blur a field of random numbers; here a coarse grid of random
 * numbers is interpolated by a cubic B-spline, whose shape is nearly that blur at a fraction of its cost: 4 cells on
 * 28 pixels are like their sigma of 4.
 */
export const plugin: AugmenterFactory<Parameters> = {
  name: 'elastic',
  version: 1,
  description: 'Bends lines smoothly, as hands differ.',
  parameters,
  create: () => new Elastic(),
};

class Elastic implements AugmenterInstance<Parameters> {
  readonly #resampler = new Resampler();
  /** Displacements of the nodes, in fixed point: x and y in turn. */
  #nodes = new Float64Array(0);
  /** The nodes, interpolated down to one row: x and y in turn. */
  #rowNodes = new Float64Array(0);

  apply(source: ImageView, target: ImageView, random: Random, limits: Parameters): DrawnValues {
    const { alpha, cells, background: paper } = limits;
    const amplitude = alpha * random.uniform(0.5, 1);
    const { width, height } = source;
    this.#drawNodes(random, cells, amplitude * width * PIXEL, amplitude * height * PIXEL);
    const ink = inkBox(source, paper);
    const touched = growBox(ink, amplitude * width + 1, amplitude * height + 1, target);
    this.#resampler.resample({ source, target, paper, ink, touched }, (y, positions) => {
      this.#interpolateDown(y, height, cells);
      this.#interpolateAlong(y, width, cells, touched, positions);
    });
    return { amplitude };
  }

  /** Uniform in [-1, 1] times the reach, in 256 steps, far below a pixel: so four of them come from one random word. */
  #drawNodes(random: Random, cells: number, reachX: number, reachY: number): void {
    const count = 2 * (cells + TAPS - 1) ** 2;
    if (this.#nodes.length < count) {
      this.#nodes = new Float64Array(count);
      this.#rowNodes = new Float64Array(count);
    }
    const nodes = this.#nodes;
    const stepX = reachX / 127.5;
    const stepY = reachY / 127.5;
    for (let i = 0, word = 0; i < count; i += 2) {
      word = (i & 3) === 0 ? random.uint32() : word >>> 16;
      nodes[i] = ((word & 255) - 127.5) * stepX;
      nodes[i + 1] = (((word >>> 8) & 255) - 127.5) * stepY;
    }
  }

  /** Interpolates the nodes down to one row. */
  #interpolateDown(y: number, height: number, cells: number): void {
    const nodes = this.#nodes;
    const rowNodes = this.#rowNodes;
    const stride = 2 * (cells + TAPS - 1);
    const place = ((y + 0.5) / height) * cells;
    const cell = place | 0;
    const t = place - cell;
    const s = 1 - t;
    // The uniform cubic B-spline: its weights are not negative and sum to 1, so that no point moves farther than a node.
    const w0 = (s * s * s) / 6;
    const w1 = (4 + 3 * t * t * (t - 2)) / 6;
    const w2 = (4 + 3 * s * s * (s - 2)) / 6;
    const w3 = (t * t * t) / 6;
    for (let i = 0, n = cell * stride; i < stride; i++, n++)
      rowNodes[i] =
        w0 * nodes[n]! + w1 * nodes[n + stride]! + w2 * nodes[n + 2 * stride]! + w3 * nodes[n + 3 * stride]!;
  }

  /** Places each pixel of a row at itself and the displacement between the row's nodes. */
  #interpolateAlong(
    y: number,
    width: number,
    cells: number,
    { left, right }: Box,
    { xs, ys }: RowPositions,
  ): void {
    const rowNodes = this.#rowNodes;
    const step = cells / width;
    for (let x = left; x < right; ) {
      const cell = ((x + 0.5) * step) | 0;
      // Where rounding has the end of a cell at its first pixel, that pixel is the cell all the same.
      const end = Math.min(right, Math.max(x + 1, Math.ceil((cell + 1) / step - 0.5)));
      followCubic(rowNodes, xs, x, end, cell, cells, width, 0, PIXEL * x, PIXEL);
      followCubic(rowNodes, ys, x, end, cell, cells, width, 1, PIXEL * y, 0);
      x = end;
    }
  }
}

/**
 * Fills positions inside a cell, where the spline is a cubic polynomial of t, which three additions take from one pixel
 * to the next (forward differences).
 *
 * @param axis 0: to the right, 1: down
 * @param place the pixel itself at `start`, and `advance` from one to the next
 */
function followCubic(
  rowNodes: Float64Array,
  out: Int32Array,
  start: number,
  end: number,
  cell: number,
  cells: number,
  width: number,
  axis: number,
  place: number,
  advance: number,
): void {
  const node = 2 * cell + axis;
  const n0 = rowNodes[node]!;
  const n1 = rowNodes[node + 2]!;
  const n2 = rowNodes[node + 4]!;
  const n3 = rowNodes[node + 6]!;
  const c1 = (n2 - n0) / 2;
  const c2 = (n0 - 2 * n1 + n2) / 2;
  const c3 = (n3 - n0 + 3 * (n1 - n2)) / 6;
  const step = cells / width;
  const t = (start + 0.5) * step - cell;
  let value = place + 0.5 + (n0 + 4 * n1 + n2) / 6 + t * (c1 + t * (c2 + t * c3));
  let first = advance + step * (c1 + step * (c2 + step * c3) + t * (2 * c2 + 3 * c3 * (t + step)));
  let second = 2 * step * step * (c2 + 3 * c3 * (t + step));
  const third = 6 * step * step * step * c3;
  for (let x = start; x < end; x++) {
    out[x] = value;
    value += first;
    first += second;
    second += third;
  }
}
