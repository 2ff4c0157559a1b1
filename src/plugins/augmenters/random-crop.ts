import { z } from 'zod';
import type {
  AugmenterFactory,
  AugmenterInstance,
  DrawnValues,
  ImageView,
  Random,
} from '../../core/plugin/index.js';
import { share } from './picture.js';

const parameters = z.strictObject({
  cut: share(0.95, 0.65, 'Largest share of the area that is cut away.'),
  aspect: share(4, 0.33, 'Largest change of width against height: 0.25 is from 1/1.25 to 1.25 times.'),
});
type Parameters = z.output<typeof parameters>;

/**
 * Cuts a part out and enlarges it to the whole, as C. Szegedy and others, "Going deeper with convolutions" (CVPR 2015),
 * section 6: the area of the part is uniform, and so is its aspect, on a logarithmic scale; then its place. They cut up to
 * 0.92 of a million pictures; a small data set wants less. An aspect with which a part would not fit is never drawn, so that
 * none has to be drawn again.
 */
export const plugin: AugmenterFactory<Parameters> = {
  name: 'random-crop',
  version: 1,
  description: 'Cuts out a part and enlarges it.',
  parameters,
  create: () => new RandomCrop(),
};

/** Weights are in 1/256: between pixels, and again between rows, so that sums fit 32 bits. */
const UNIT = 256;

class RandomCrop implements AugmenterInstance<Parameters> {
  /** Of each column of the target: the first value of the left pixel, that of the right one, and the weight of the latter. */
  #left = new Int32Array(0);
  #right = new Int32Array(0);
  #weights = new Int32Array(0);
  /** Two rows of the source, resampled along x, in 1/256 of a level, and which rows they are. */
  #rows: [Int32Array, Int32Array] = [new Int32Array(0), new Int32Array(0)];
  #held: [number, number] = [-1, -1];

  apply(source: ImageView, target: ImageView, random: Random, { cut, aspect }: Parameters): DrawnValues {
    const area = 1 - cut * random.float();
    const widest = Math.min(1 + aspect, 1 / area);
    const ratio = Math.sqrt(widest ** random.uniform(-1, 1));
    const side = Math.sqrt(area);
    const width = Math.min(1, side * ratio);
    const height = Math.min(1, side / ratio);
    const left = (1 - width) * random.float();
    const top = (1 - height) * random.float();
    this.#resample(source, target, { left, top, width, height });
    return { left, top, width, height };
  }

  /** Bilinear: a part is never made smaller, so that no pixel of it is left out. */
  #resample(source: ImageView, target: ImageView, { left, top, width, height }: Part): void {
    const { channels } = source;
    const stride = source.width * channels;
    this.#placeColumns(source, left, width);
    for (let y = 0; y < source.height; y++) {
      const at = positionOf(y, top, height, source.height);
      const above = at >> 8;
      const rows = this.#rowsFrom(source, above);
      blendRows(rows, at & (UNIT - 1), target.data, y * stride, stride);
    }
    this.#held = [-1, -1];
  }

  #placeColumns({ width, channels }: ImageView, left: number, share: number): void {
    if (this.#left.length < width) {
      this.#left = new Int32Array(width);
      this.#right = new Int32Array(width);
      this.#weights = new Int32Array(width);
    }
    for (let x = 0; x < width; x++) {
      const at = positionOf(x, left, share, width);
      this.#left[x] = (at >> 8) * channels;
      this.#right[x] = Math.min(width - 1, (at >> 8) + 1) * channels;
      this.#weights[x] = at & (UNIT - 1);
    }
  }

  /** A row and the one below it, resampled along x; neighbours share them. */
  #rowsFrom(source: ImageView, above: number): readonly [Int32Array, Int32Array] {
    const stride = source.width * source.channels;
    if (this.#rows[0].length < stride) this.#rows = [new Int32Array(stride), new Int32Array(stride)];
    if (this.#held[1] === above) {
      this.#rows.reverse();
      this.#held.reverse();
    }
    for (const i of [0, 1] as const) {
      const y = Math.min(source.height - 1, above + i);
      if (this.#held[i] === y) continue;
      this.#resampleRow(source, y, this.#rows[i]);
      this.#held[i] = y;
    }
    return this.#rows;
  }

  #resampleRow({ width, channels, data }: ImageView, y: number, out: Int32Array): void {
    const row = Math.imul(y, Math.imul(width, channels));
    const columns = { lefts: this.#left, rights: this.#right, weights: this.#weights };
    if (channels === 3) blendColours(data, row, width, columns, out);
    else for (let c = 0; c < channels; c++) blendChannel(data, row + c, width, columns, out, c, channels);
  }
}

interface Columns {
  readonly lefts: Int32Array;
  readonly rights: Int32Array;
  readonly weights: Int32Array;
}

/** As {@link blendChannel} for each of three channels, in a third of the time. */
function blendColours(
  data: Uint8Array,
  row: number,
  width: number,
  { lefts, rights, weights }: Columns,
  out: Int32Array,
): void {
  const start = row | 0;
  let to = 0;
  for (let x = 0; x < width; x++) {
    const weight = weights[x]!;
    const i = (start + lefts[x]!) | 0;
    const j = (start + rights[x]!) | 0;
    const red = data[i]!;
    const green = data[(i + 1) | 0]!;
    const blue = data[(i + 2) | 0]!;
    out[to] = ((red << 8) + Math.imul(data[j]! - red, weight)) | 0;
    out[(to + 1) | 0] = ((green << 8) + Math.imul(data[(j + 1) | 0]! - green, weight)) | 0;
    out[(to + 2) | 0] = ((blue << 8) + Math.imul(data[(j + 2) | 0]! - blue, weight)) | 0;
    to = (to + 3) | 0;
  }
}

/** @param start where the row's first value of this channel is in `data`, and `to` in `out` */
function blendChannel(
  data: Uint8Array,
  start: number,
  width: number,
  { lefts, rights, weights }: Columns,
  out: Int32Array,
  to: number,
  channels: number,
): void {
  for (let x = 0; x < width; x++) {
    const value = data[(start + lefts[x]!) | 0]!;
    const next = data[(start + rights[x]!) | 0]!;
    out[(to + Math.imul(x, channels)) | 0] = ((value << 8) + Math.imul(next - value, weights[x]!)) | 0;
  }
}

/** Of the picture, as shares of its sides. */
interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where a pixel of the target lies along a side of the source, in 1/256 of a pixel, inside of the first and the last. */
function positionOf(pixel: number, start: number, share: number, side: number): number {
  const at = start * side + (pixel + 0.5) * share - 0.5;
  return Math.max(0, Math.min((side - 1) * UNIT, Math.floor(at * UNIT + 0.5)));
}

function blendRows(
  [above, below]: readonly [Int32Array, Int32Array],
  weight: number,
  out: Uint8Array,
  start: number,
  length: number,
): void {
  const count = length | 0;
  const share = weight | 0;
  for (let i = 0; i < count; i++) {
    const value = above[i]!;
    out[(start + i) | 0] = ((value << 8) + Math.imul(below[i]! - value, share) + 32768) >> 16;
  }
}
