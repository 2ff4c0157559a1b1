import type { Preprocessing } from '../settings.js';
import { borderGrey, type Rgb, rgbOf, withChannels } from './colour.js';
import { enlarge } from './enlarge.js';
import type { Raster } from './raster.js';
import { reduceColumns, reducedLength, reduceRows } from './reduce.js';

type Size = Pick<Raster, 'width' | 'height'>;

/** Where a picture comes from: libvips reads a file row by row, and computes more at once of pixels that lie in memory. */
export type Origin = 'file' | 'memory';

/** Rows that libvips computes at once of a file, and of pixels in memory. */
const FILE_ROWS = 10;
const STRIP_ROWS = 16;
/** Sides of the tiles in which it computes instead what comes after an average of rows. */
const TILE = 128;

/** By how much each side is divided, so that the picture fills (`cover`), lies in (`contain`) or becomes what a model sees. */
export function shrinkToFit(
  from: Size,
  to: Pick<Preprocessing, 'width' | 'height' | 'fit'>,
): { readonly x: number; readonly y: number } {
  const x = from.width / to.width;
  const y = from.height / to.height;
  const both = to.fit === 'cover' ? Math.min(x, y) : Math.max(x, y);
  const shrink = to.fit === 'fill' ? { x, y } : { x: both, y: both };
  // No side becomes shorter than a pixel.
  return { x: Math.min(shrink.x, from.width), y: Math.min(shrink.y, from.height) };
}

/**
 * What a model sees of a picture, before it is inverted: bit for bit what sharp gives, which has libvips resample and then cut
 * or put a border, and convert the colours last.
 *
 * @returns undefined where libvips computes in parts that are not known here
 */
export function fitTo(picture: Raster, preprocessing: Preprocessing, origin: Origin): Raster | undefined {
  const { width, height, fit, background, channels } = preprocessing;
  const shrink = shrinkToFit(picture, preprocessing);
  // It is handed on as a scale, of which the inverse is taken again.
  const scale = { x: 1 / shrink.x, y: 1 / shrink.y };
  const resized = {
    width: resizedLength(picture.width, scale.x),
    height: resizedLength(picture.height, scale.y),
  };
  // Negative: this much is cut off.
  const [left, top] = [width - resized.width, height - resized.height].map((space) => space >> 1) as [
    number,
    number,
  ];
  const isTiled = picture.height >= 4 * resized.height;
  const isMixed = scale.x > 1 !== scale.y > 1 && scale.x !== 1 && scale.y !== 1;
  if (isMixed && (origin === 'memory' || (isTiled && resized.width > TILE))) return undefined;
  let result = picture;
  if (scale.y < 1) {
    const rows =
      origin === 'file'
        ? startsOf(resized.height, FILE_ROWS, 0)
        : startsOf(resized.height, isTiled ? TILE : STRIP_ROWS, top);
    result = reduceRows(result, 1 / scale.y, rows);
  }
  const columns = startsOf(resized.width, isTiled ? TILE : Number.POSITIVE_INFINITY, left);
  if (scale.x < 1) result = reduceColumns(result, 1 / scale.x, columns);
  if (scale.x > 1 || scale.y > 1)
    result = enlarge(result, { x: Math.max(scale.x, 1), y: Math.max(scale.y, 1) }, columns);
  if (fit !== 'fill') result = placed(result, { width, height, left, top }, rgbOf(background));
  return withChannels(result, channels);
}

function resizedLength(length: number, scale: number): number {
  return scale < 1 ? reducedLength(length, 1 / scale) : Math.floor(length * scale + 0.5);
}

/**
 * Where the parts begin that libvips computes at once.
 *
 * @param length pixels along the axis
 * @param step pixels of a part of the final picture
 * @param offset where in the final picture the first pixel lies
 */
function startsOf(length: number, step: number, offset: number): number[] {
  const starts = [Math.max(0, -offset)];
  for (let start = step - offset; start < length; start += step) if (start > 0) starts.push(start);
  return starts;
}

/** Cuts a picture, and puts it on a background, so that it has a size. */
function placed(
  picture: Raster,
  { width, height, left, top }: Size & { readonly left: number; readonly top: number },
  background: Rgb,
): Raster {
  if (picture.width === width && picture.height === height) return picture;
  const { channels } = picture;
  const pixels = new Uint8Array(width * height * channels);
  if (channels === 1) pixels.fill(borderGrey(background));
  else for (let i = 0; i < pixels.length; i++) pixels[i] = background[i % 3]!;
  const [fromX, toX] = [Math.max(0, -left), Math.max(0, left)];
  const count = Math.min(picture.width, width) * channels;
  for (let y = 0; y < Math.min(picture.height, height); y++) {
    const from = ((y + Math.max(0, -top)) * picture.width + fromX) * channels;
    pixels.set(
      picture.pixels.subarray(from, from + count),
      ((y + Math.max(0, top)) * width + toX) * channels,
    );
  }
  return { pixels, width, height, channels };
}
