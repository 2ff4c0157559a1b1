import type { JpegHeader } from './jpeg-header.js';
import type { BlockSize } from './jpeg-idct.js';
import type { Plane } from './jpeg-scan.js';

/** How the samples of the chromas lie among those of the luma. */
export interface ChromaGrid {
  /** Samples on a side of a block. */
  readonly size: BlockSize;
  /** Pixels for each sample, across and down. */
  readonly across: 1 | 2;
  readonly down: 1 | 2;
  /** Samples that belong to the picture. */
  readonly width: number;
  readonly height: number;
  /** Whether the samples between are interpolated; else they are repeated. */
  readonly isFancy: boolean;
}

/**
 * The chromas as libjpeg decodes them: where they have half the samples across and down, their blocks are made twice as large as
 * those of the luma, if they can be.
 *
 * @param size of a block of luma
 */
export function chromaGrid({ width, height, components }: JpegHeader, size: BlockSize): ChromaGrid {
  const { h, v } = components[0]!;
  const isEnlarged = h === 2 && v === 2 && size < 8;
  const chromaSize = isEnlarged ? ((2 * size) as BlockSize) : size;
  return {
    size: chromaSize,
    across: isEnlarged || h === 1 ? 1 : 2,
    down: isEnlarged || v === 1 ? 1 : 2,
    width: Math.ceil((width * chromaSize) / (h * 8)),
    height: Math.ceil((height * chromaSize) / (v * 8)),
    isFancy: size > 1,
  };
}

type Rows = Pick<Plane, 'samples' | 'stride'>;

/**
 * A sample of chroma for each pixel, as in libjpeg: a triangular filter, or the same sample again for what is too small or has
 * no rows beside it.
 */
export function upsampled(plane: Plane, grid: ChromaGrid): Rows {
  const { across, down, width, height, isFancy } = grid;
  if (across === 1 && down === 1) return plane;
  const stride = width * across;
  const samples = new Uint8ClampedArray(stride * height * down);
  const isInterpolated = isFancy && (across === 1 || width > 2);
  // Sums of a row and a quarter as much of its neighbour, in which one is four.
  const sums = new Int32Array(width);
  for (let y = 0; y < height * down; y++) {
    const row = Math.floor(y / down);
    const near = row * plane.stride;
    const to = y * stride;
    if (!isInterpolated) {
      for (let x = 0; x < stride; x++) samples[to + x] = plane.samples[near + Math.floor(x / across)]!;
      continue;
    }
    if (down === 1) for (let x = 0; x < width; x++) sums[x] = 4 * plane.samples[near + x]!;
    else {
      const far = Math.min(Math.max(row + (y % 2 === 0 ? -1 : 1), 0), height - 1) * plane.stride;
      for (let x = 0; x < width; x++) sums[x] = 3 * plane.samples[near + x]! + plane.samples[far + x]!;
    }
    // Halves are rounded up and down in turns.
    if (across === 1) for (let x = 0; x < width; x++) samples[to + x] = (sums[x]! + 1 + (y % 2)) >> 2;
    else {
      const [left, right] = down === 1 ? [4, 8] : [8, 7];
      for (let x = 0; x < width; x++) {
        const sum = 3 * sums[x]!;
        samples[to + 2 * x] = (sum + sums[Math.max(x - 1, 0)]! + left) >> 4;
        samples[to + 2 * x + 1] = (sum + sums[Math.min(x + 1, width - 1)]! + right) >> 4;
      }
    }
  }
  return { samples, stride };
}

/** The samples of a picture, without those beyond it. */
export function cropped({ samples, stride }: Rows, width: number, height: number): Uint8Array {
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) pixels.set(samples.subarray(y * stride, y * stride + width), y * width);
  return pixels;
}

/** Fixed point of the conversion: 16 bits. */
const SCALE_BITS = 16;
const HALF = 1 << (SCALE_BITS - 1);
const chromaTable = (factor: number, add: number, shift: number) =>
  Int32Array.from({ length: 256 }, (_, i) => (Math.round(factor * 65_536) * (i - 128) + add) >> shift);
/** What each value of chroma adds to red, green and blue (JFIF 1.02, 7); for green before the shift. */
const RED_OF_RED = chromaTable(1.402, HALF, SCALE_BITS);
const BLUE_OF_BLUE = chromaTable(1.772, HALF, SCALE_BITS);
const GREEN_OF_RED = chromaTable(-0.71414, 0, 0);
const GREEN_OF_BLUE = chromaTable(-0.34414, HALF, 0);

/** Luma and chromas as pixels: uint8 [height, width, 3]. */
export function toPixels(luma: Rows, blue: Rows, red: Rows, width: number, height: number): Uint8Array {
  const pixels = new Uint8ClampedArray(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    let atLuma = y * luma.stride;
    let atBlue = y * blue.stride;
    let atRed = y * red.stride;
    for (let x = 0; x < width; x++) {
      const light = luma.samples[atLuma++]!;
      const b = blue.samples[atBlue++]!;
      const r = red.samples[atRed++]!;
      pixels[to] = light + RED_OF_RED[r]!;
      pixels[to + 1] = light + ((GREEN_OF_BLUE[b]! + GREEN_OF_RED[r]!) >> SCALE_BITS);
      pixels[to + 2] = light + BLUE_OF_BLUE[b]!;
      to += 3;
    }
  }
  return new Uint8Array(pixels.buffer);
}
