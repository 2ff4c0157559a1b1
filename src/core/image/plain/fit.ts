import type { Preprocessing } from '../settings.js';
import { borderGrey, type Rgb, rgbOf, withChannels, withoutColours } from './colour.js';
import { enlarge } from './enlarge.js';
import type { Orientation } from './exif.js';
import { oriented, swapsSides } from './orient.js';
import type { Raster } from './raster.js';
import { reduceColumns, reducedLength, reduceRows } from './reduce.js';
import type { Surface, Workspace } from './workspace.js';

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
 * What a model sees of a picture, before it is inverted: bit for bit what sharp gives, which has libvips resample it, turn it as
 * the camera was held, cut it or put a border around it, and convert the colours last.
 *
 * @returns undefined where libvips computes in parts that are not known here
 */
export function fitTo(
  space: Workspace,
  picture: Surface,
  preprocessing: Preprocessing,
  origin: Origin,
  orientation: Orientation = 1,
): Raster | undefined {
  const { width, height, background } = preprocessing;
  const resized = resize(
    space,
    withoutColours(space, picture),
    asStored(preprocessing, orientation),
    origin,
    orientation,
  );
  if (!resized) return undefined;
  const seen = oriented(withChannels(space, resized, picture.channels === 1 ? 1 : 3), orientation);
  const placed = preprocessing.fit === 'fill' ? seen : placedOn(seen, { width, height }, rgbOf(background));
  return withChannels(space, placed, preprocessing.channels);
}

/** The preprocessing of a picture as the camera stored it. */
export function asStored(preprocessing: Preprocessing, orientation: Orientation): Preprocessing {
  const { width, height } = preprocessing;
  return swapsSides(orientation) ? { ...preprocessing, width: height, height: width } : preprocessing;
}

function resize(
  space: Workspace,
  picture: Surface,
  target: Preprocessing,
  origin: Origin,
  orientation: Orientation,
): Raster | undefined {
  const shrink = shrinkToFit(picture, target);
  // It is handed on as a scale, of which the inverse is taken again.
  const scale = { x: 1 / shrink.x, y: 1 / shrink.y };
  const width = resizedLength(picture.width, scale.x);
  const height = resizedLength(picture.height, scale.y);
  // What is turned is computed as a whole before it is cut.
  const isWhole = orientation !== 1 && orientation !== 2;
  const left = isWhole ? 0 : offset(target.width, width);
  const top = isWhole ? 0 : offset(target.height, height);
  const isTiled = picture.height >= 4 * height;
  const isMixed = (scale.x > 1 && scale.y < 1) || (scale.x < 1 && scale.y > 1);
  if (isMixed && (origin === 'memory' || (isTiled && width > TILE))) return undefined;
  if (orientation === 2 && ((isTiled && width > TILE) || left < 0)) return undefined;
  let reduced = picture;
  if (scale.y < 1) {
    const rows =
      origin === 'file' ? startsOf(height, FILE_ROWS, 0) : startsOf(height, isTiled ? TILE : STRIP_ROWS, top);
    reduced = reduceRows(space, picture, 1 / scale.y, rows);
  }
  const columns = startsOf(width, isTiled ? TILE : Number.POSITIVE_INFINITY, left);
  if (scale.x < 1) reduced = reduceColumns(space, reduced, 1 / scale.x, columns);
  const result = space.raster(reduced);
  if (scale.x <= 1 && scale.y <= 1) return result;
  return enlarge(result, { x: Math.max(scale.x, 1), y: Math.max(scale.y, 1) }, columns);
}

/** Where a picture begins in a space, in its middle; negative: so much is cut off. */
function offset(space: number, length: number): number {
  return (space - length) >> 1;
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
function placedOn(picture: Raster, { width, height }: Size, background: Rgb): Raster {
  if (picture.width === width && picture.height === height) return picture;
  const { channels } = picture;
  const left = offset(width, picture.width);
  const top = offset(height, picture.height);
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
