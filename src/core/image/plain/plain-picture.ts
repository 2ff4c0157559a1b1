import type { PixelShape, Preprocessing } from '../settings.js';
import { flatten, rgbOf } from './colour.js';
import { asStored, fitTo, shrinkToFit } from './fit.js';
import { readJpeg } from './jpeg-reader.js';
import type { PlainFile } from './plain-file.js';
import { readPng } from './png-reader.js';
import type { Raster } from './raster.js';
import { clearedWorkspace } from './workspace.js';

/**
 * Microseconds, about, for which a thread may be held up. What is more work is left to the general decoder, which takes other
 * threads.
 */
const MOST_WORK = 20_000;
/** Bytes of a file. Checksums alone would take their time. */
const MOST_BYTES = 8 * 1024 * 1024;

/** Bytes of pixels that are laid on a background and made smaller in a microsecond, about. */
const BYTES_A_MICROSECOND = 1000;

/** Microseconds, about, that it takes to resample a picture for a model, if it has to be enlarged. */
function workToFit({ width, height, channels }: Preprocessing): number {
  return (width * height * channels) / 60;
}

/**
 * Reads the header of a plain picture of moderate size, with which nothing has to be done that only a general decoder can do.
 *
 * @returns undefined for every other file, also for a damaged one, which the general decoder judges
 */
export function readPlainPicture(bytes: Uint8Array): PlainFile | undefined {
  if (bytes.length > MOST_BYTES) return undefined;
  return bytes[0] === 0xff ? readJpeg(bytes) : readPng(bytes);
}

/**
 * What a model sees of a plain picture, before it is inverted: the pixels that the general decoder would give, bit for bit, in a
 * part of the time.
 *
 * @param mostWork microseconds, about, that decoding and resampling may take
 * @returns undefined for a picture that is more work, or that the general decoder has to take
 */
export function plainToModel(
  file: PlainFile,
  preprocessing: Preprocessing,
  mostWork = MOST_WORK,
): Raster | undefined {
  const shrink = shrinkToFit(file, asStored(preprocessing, file.orientation));
  const least = Math.min(shrink.x, shrink.y);
  if (file.work(least) + workToFit(preprocessing) > mostWork) return undefined;
  const space = clearedWorkspace();
  const decoded = file.decode(space, least);
  if (!decoded) return undefined;
  const opaque = flatten(space, decoded, rgbOf(preprocessing.background));
  return fitTo(space, opaque, preprocessing, 'file', file.orientation);
}

/** The same for pixels. @returns undefined where the general way has to be taken */
export function pixelsToModel(
  pixels: Uint8Array,
  shape: PixelShape,
  preprocessing: Preprocessing,
): Raster | undefined {
  if (pixels.length / BYTES_A_MICROSECOND + workToFit(preprocessing) > MOST_WORK) return undefined;
  const space = clearedWorkspace();
  const opaque = flatten(space, space.place(pixels, shape), rgbOf(preprocessing.background));
  return fitTo(space, opaque, preprocessing, 'memory');
}
