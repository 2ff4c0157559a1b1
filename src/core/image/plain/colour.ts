import type { Raster } from './raster.js';
import { roundHalfEven } from './rounding.js';
import { area, type Surface, type Workspace } from './workspace.js';

/** Red, green, blue: 0..255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** @param background such as `#00ff80` */
export function rgbOf(background: string): Rgb {
  const value = Number.parseInt(background.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * Lays a picture with transparency on a colour, in its place, as libvips does: the division is rounded down, and of a colour
 * behind grey only its red counts. Of four channels the last means nothing afterwards.
 */
export function flatten(space: Workspace, picture: Surface, [red, green, blue]: Rgb): Surface {
  const { width, height, channels } = picture;
  if (channels === 4) space.kernels.flatten(...area(picture), red | (green << 8) | (blue << 16));
  if (channels !== 2) return picture;
  const grey = space.surface(width, height, 1);
  space.kernels.flattenGrey(...area(picture), red, grey.at);
  return grey;
}

/** A picture without transparency in one channel, where red, green and blue of each pixel are the same. */
export function withoutColours(space: Workspace, picture: Surface): Surface {
  const { channels } = picture;
  return channels > 2 && space.kernels.isGrey(...area(picture), channels) ? space.kept(picture, 1) : picture;
}

/** The grey of a border in a grey picture: luma (Rec. 709) of a colour, rounded down. */
export function borderGrey([red, green, blue]: Rgb): number {
  return Math.trunc(Math.fround(0.2126 * red + 0.7152 * green + 0.0722 * blue));
}

/** A picture in the channels of a model. */
export function withChannels(space: Workspace, picture: Raster, channels: 1 | 3): Raster {
  if (picture.channels === channels) return picture;
  const pixels = channels === 1 ? toGrey(space, picture.pixels) : toRgb(picture.pixels);
  return { ...picture, pixels, channels };
}

/** @param grey uint8 [count] @returns uint8 [count, 3] */
function toRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0, to = 0; i < grey.length; i++) {
    const value = grey[i]!;
    rgb[to++] = value;
    rgb[to++] = value;
    rgb[to++] = value;
  }
  return rgb;
}

const fround = Math.fround;
/** Luminance (CIE, from the primaries of sRGB) as libvips has it, in single precision. */
const LUMINANCE = [fround(0.2126), fround(0.7152), fround(0.0722)];
const EXPONENT = fround(2.4);
/** IEC 61966-2-1: sRGB to linear light, for each of the bytes. */
const LINEAR = Float32Array.from({ length: 256 }, (_, i) => {
  const value = fround(i / 255);
  if (value <= 0.04045) return value / fround(12.92);
  return fround(fround(value + fround(0.055)) / fround(1 + fround(0.055))) ** EXPONENT;
});
/** The share of each byte of red, green and blue in the luminance: [3, 256]. */
const SHARES = Float32Array.from(LUMINANCE.flatMap((share) => Array.from(LINEAR, (value) => share * value)));
/** Linear light, in 255 steps, to sRGB; the last value twice, for interpolation. */
const FROM_LINEAR = Float32Array.from({ length: 257 }, (_, i) => {
  const value = fround(Math.min(i, 255) / 255);
  const encoded =
    value <= 0.0031308
      ? fround(12.92) * value
      : fround(fround(1 + fround(0.055)) * fround(value ** fround(1 / EXPONENT))) - fround(0.055);
  return roundHalfEven(fround(255 * fround(encoded)));
});

/**
 * The luminance of colours as sRGB grey, as libvips computes it (`sRGB` to `scRGB` to `b-w`): in linear light, single precision,
 * back by a table of 256 steps between which it interpolates.
 *
 * @param rgb uint8 [count, 3]
 * @returns uint8 [count]
 */
function toGrey(space: Workspace, rgb: Uint8Array): Uint8Array {
  const count = rgb.length / 3;
  const grey = space.allocate(count);
  space.kernels.toGrey(space.put(rgb), count, space.put(SHARES), space.put(FROM_LINEAR), grey);
  return space.bytes(grey, count).slice();
}
