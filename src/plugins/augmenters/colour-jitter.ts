import { z } from 'zod';
import type { Augmenter, ImageView, Random } from '../../core/plugin/index.js';
import { share } from './picture.js';

const parameters = z.strictObject({
  brightness: share(4, 0.3, 'Largest change of the light: 0.25 is from 1/1.25 to 1.25 times.'),
  contrast: share(4, 0.3, 'Largest change of contrast about the mean of the picture, likewise.'),
  saturation: share(4, 0.3, 'Largest change of how far colours are from grey, likewise.'),
  hue: share(0.5, 0.03, 'Largest way around the circle of colours, as a share of it, either way.'),
});
type Parameters = z.output<typeof parameters>;

/**
 * Other light and other cameras: brightness, contrast, saturation and hue, after A. Howard, "Some improvements on deep
 * convolutional neural network based image classification" (2013). All four are linear in red, green and blue, hue as a
 * rotation about the axis of greys that keeps the luma (as `hueRotate` of SVG filters does); so they are one matrix and one
 * pass, in which values are rounded and cut once, at its end. Of a grey picture, brightness and contrast change.
 */
export const plugin: Augmenter<Parameters> = {
  name: 'colour-jitter',
  version: 1,
  description: 'Changes brightness, contrast, saturation and hue.',
  parameters,
  apply(source, target, random, limits) {
    const values = drawValues(random, limits);
    const gain = values.brightness * values.contrast;
    const added = values.brightness * (1 - values.contrast) * meanLuma(source);
    if (source.channels === 3)
      multiply(source, target, colourMatrix(values.saturation, values.hue, gain), added);
    else scale(source, target, gain, added);
    return values;
  },
};

function drawValues(random: Random, { brightness, contrast, saturation, hue }: Parameters) {
  return {
    brightness: (1 + brightness) ** random.uniform(-1, 1),
    contrast: (1 + contrast) ** random.uniform(-1, 1),
    saturation: (1 + saturation) ** random.uniform(-1, 1),
    hue: hue * random.uniform(-1, 1),
  };
}

/** What red, green and blue count in the luma, in 1/65536 (Rec. 601). */
const LUMA = [19595, 38470, 7471] as const;
/** Of the matrix: a unit in 1/4096. */
const BITS = 12;
const UNIT = 1 << BITS;

/** The mean luma, 0..255; of a grey picture the mean. */
function meanLuma({ data, channels }: ImageView): number {
  const [red, green, blue] = channels === 3 ? sumsOfColours(data) : [0, 0, 0];
  if (channels === 3) return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue) / 65536 / (data.length / 3);
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]!;
  return sum / data.length;
}

/** Whole numbers of 32 bits hold the sums of this many pixels. */
const BLOCK = 2 ** 23;

function sumsOfColours(data: Uint8Array): readonly [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0];
  for (let start = 0; start < data.length; start += 3 * BLOCK) {
    const end = Math.min(data.length, start + 3 * BLOCK) | 0;
    let [red, green, blue] = [0, 0, 0];
    for (let i = start | 0; i < end; i = (i + 3) | 0) {
      red = (red + data[i]!) | 0;
      green = (green + data[(i + 1) | 0]!) | 0;
      blue = (blue + data[(i + 2) | 0]!) | 0;
    }
    sums[0] += red;
    sums[1] += green;
    sums[2] += blue;
  }
  return sums;
}

/**
 * Saturation and hue: luma stays, and what a colour is besides is turned and stretched.
 *
 * @returns 3x3, row by row, in 1/4096
 */
function colourMatrix(saturation: number, hue: number, gain: number): Int32Array {
  const [red, green, blue] = LUMA.map((weight) => weight / 65536) as [number, number, number];
  const cos = saturation * Math.cos(2 * Math.PI * hue);
  const sin = saturation * Math.sin(2 * Math.PI * hue);
  // A quarter turn of the differences from grey, which leaves the luma at 0.
  const turned = quarterTurn(red, green, blue);
  const luma = [red, green, blue];
  const matrix = new Int32Array(9);
  for (let to = 0; to < 3; to++) {
    for (let from = 0; from < 3; from++) {
      const colour = (to === from ? 1 : 0) - luma[from]!;
      matrix[3 * to + from] = Math.floor(
        UNIT * gain * (luma[from]! + cos * colour + sin * turned[3 * to + from]!) + 0.5,
      );
    }
    // What rounding leaves over goes to the diagonal: grey stays grey.
    const row = matrix[3 * to]! + matrix[3 * to + 1]! + matrix[3 * to + 2]!;
    matrix[4 * to]! += Math.floor(UNIT * gain + 0.5) - row;
  }
  return matrix;
}

/**
 * The part of a rotation that goes with its sine: of the plane of luma 0, about the axis of greys. In that plane it is an
 * orthogonal basis that turns, here that of the colour differences U and V of Rec. 601.
 */
function quarterTurn(red: number, green: number, blue: number): readonly number[] {
  // U = (B - luma) / (2 (1 - blue)), V = (R - luma) / (2 (1 - red)); (U, V) turns into (-V, U).
  const [toU, toV] = [2 * (1 - blue), 2 * (1 - red)];
  const u = [-red / toU, -green / toU, (1 - blue) / toU];
  const v = [(1 - red) / toV, -green / toV, -blue / toV];
  const backFrom = (newU: number[], newV: number[]) => {
    const r = newV.map((value) => value * toV);
    const b = newU.map((value) => value * toU);
    const g = r.map((value, i) => -(red * value + blue * b[i]!) / green);
    return [...r, ...g, ...b];
  };
  return backFrom(
    v.map((value) => -value),
    u,
  );
}

function multiply(source: ImageView, target: ImageView, matrix: Int32Array, added: number): void {
  const data = source.data;
  const out = clampedView(target.data);
  const [a, b, c, d, e, f, g, h, i] = matrix as unknown as Nine;
  const offset = Math.floor(UNIT * added + UNIT / 2 + 0.5) | 0;
  const end = data.length | 0;
  for (let at = 0; at < end; at = (at + 3) | 0) {
    const red = data[at]!;
    const green = data[(at + 1) | 0]!;
    const blue = data[(at + 2) | 0]!;
    out[at] = (Math.imul(a, red) + Math.imul(b, green) + Math.imul(c, blue) + offset) >> BITS;
    out[(at + 1) | 0] = (Math.imul(d, red) + Math.imul(e, green) + Math.imul(f, blue) + offset) >> BITS;
    out[(at + 2) | 0] = (Math.imul(g, red) + Math.imul(h, green) + Math.imul(i, blue) + offset) >> BITS;
  }
}
type Nine = readonly [number, number, number, number, number, number, number, number, number];

function scale(source: ImageView, target: ImageView, gain: number, added: number): void {
  const table = new Uint8ClampedArray(256);
  for (let value = 0; value < 256; value++) table[value] = gain * value + added;
  const [from, to] = [source.data, target.data];
  for (let i = 0; i < from.length; i++) to[i] = table[from[i]!]!;
}

/** The same memory; what is below 0 or above 255 is cut when it is written. */
function clampedView({ buffer, byteOffset, length }: Uint8Array): Uint8ClampedArray {
  return new Uint8ClampedArray(buffer, byteOffset, length);
}
