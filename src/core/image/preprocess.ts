import { RobleError } from '../base/errors.js';
import { checkSize } from './decode.js';
import { type Converted, convertEncoded, convertPixels, noticesOf } from './general-decoder.js';
import { pixelsToModel, plainToModel, readPlainPicture } from './plain/plain-picture.js';
import type { PixelShape, Preprocessing } from './settings.js';

/** Largest picture that is decoded by default: a 16-megapixel photograph. */
export const DEFAULT_MAX_PIXELS = 16_777_216;

export interface PreprocessOptions {
  /** Largest picture, in pixels, that is decoded; default {@link DEFAULT_MAX_PIXELS}. */
  readonly maxPixels?: number | undefined;
  /** The name of that limit in messages: the flag or key that sets it; default `maxPixels`. */
  readonly limitName?: string | undefined;
  /** Swap rows and columns of the picture as it is seen, before it is resized; default false. */
  readonly transpose?: boolean | undefined;
}

export interface PreparedImage {
  /** uint8, [height, width, channels] of the preprocessing. */
  readonly pixels: Uint8Array;
  /** Conversions that a person may want to know, such as from 16 bits or CMYK. */
  readonly notices: readonly string[];
}

/**
 * An encoded picture (PNG, JPEG, WebP, GIF, TIFF, AVIF, SVG) as the pixels that a model sees: turned as EXIF says,
 * transparency laid on the background, resized by `fit`, converted to grey or sRGB, inverted if asked.
 *
 * @throws {RobleError} `ROBLE_IMAGE_EMPTY`, `_TRUNCATED`, `_UNREADABLE`, `_TOO_SMALL`, `_TOO_LARGE`, `_ANIMATED`,
 *   `_VALUES`.
 *
 * @example
 * const pixels = await preprocessImage(await readFile('a.png'), model.preprocessing);
 */
export async function preprocessImage(
  bytes: Uint8Array,
  preprocessing: Preprocessing,
  options: PreprocessOptions = {},
): Promise<Uint8Array> {
  const plain = plainPixels(bytes, preprocessing, options);
  return plain ?? finished(await convertEncoded(bytes, preprocessing, withDefaults(options)), preprocessing);
}

/** Like {@link preprocessImage}, with notices of what was converted. */
export async function prepareImage(
  bytes: Uint8Array,
  preprocessing: Preprocessing,
  options: PreprocessOptions = {},
): Promise<PreparedImage> {
  const plain = plainPixels(bytes, preprocessing, options);
  if (plain) return { pixels: plain, notices: [] };
  const general = withDefaults(options);
  const converted = await convertEncoded(bytes, preprocessing, general);
  const notices = await noticesOf(bytes, converted.metadata, general.maxPixels);
  return { pixels: finished(converted, preprocessing), notices };
}

/** Microseconds, in which another thread could not be asked. */
const QUICK_WORK = 200;

/**
 * As {@link preprocessImage}, of a small plain picture.
 *
 * @returns undefined for a picture that takes longer
 * @throws {RobleError} `ROBLE_IMAGE_TOO_SMALL`, `_TOO_LARGE`
 */
export function preprocessQuickly(
  bytes: Uint8Array,
  preprocessing: Preprocessing,
  options: PreprocessOptions = {},
): Uint8Array | undefined {
  return plainPixels(bytes, preprocessing, options, QUICK_WORK);
}

const withDefaults = ({
  maxPixels = DEFAULT_MAX_PIXELS,
  limitName,
  transpose = false,
}: PreprocessOptions) => ({
  maxPixels,
  limitName,
  transpose,
});

/** The pixels of a plain picture; undefined for one that needs the general decoder. */
function plainPixels(
  bytes: Uint8Array,
  preprocessing: Preprocessing,
  options: PreprocessOptions,
  mostWork?: number,
): Uint8Array | undefined {
  const file = options.transpose ? undefined : readPlainPicture(bytes);
  if (!file) return undefined;
  checkSize(file, withDefaults(options));
  const picture = plainToModel(file, preprocessing, mostWork);
  return picture && finished(picture, preprocessing);
}

/**
 * Raw pixels as the pixels that a model sees. Pixels that already have the shape stay the same, bit for bit.
 *
 * @throws {RobleError} `ROBLE_IMAGE_SHAPE`, `ROBLE_IMAGE_TOO_SMALL`.
 */
export async function preprocessPixels(
  pixels: Uint8Array,
  shape: PixelShape,
  preprocessing: Preprocessing,
): Promise<Uint8Array> {
  checkShape(pixels, shape);
  const { width, height, channels } = preprocessing;
  if (shape.width === width && shape.height === height && shape.channels === channels)
    return inverted(new Uint8Array(pixels), preprocessing);
  const picture = pixelsToModel(pixels, shape, preprocessing);
  return finished(picture ?? (await convertPixels(pixels, shape, preprocessing)), preprocessing);
}

/** The pixels, inverted if asked; their shape is that of the preprocessing. */
function finished(picture: Converted, preprocessing: Preprocessing): Uint8Array {
  const { width, height, channels } = preprocessing;
  if (picture.channels !== channels || picture.pixels.length !== width * height * channels)
    throw new RobleError('ROBLE_INTERNAL', 'A picture was converted to a wrong shape.', {
      received: { width: picture.width, height: picture.height, channels: picture.channels },
      expected: `${width}x${height}x${channels}`,
    });
  return inverted(picture.pixels, preprocessing);
}

function inverted(pixels: Uint8Array, { invert }: Preprocessing): Uint8Array {
  if (invert) for (let i = 0; i < pixels.length; i++) pixels[i] = 255 - pixels[i]!;
  return pixels;
}

function checkShape(pixels: Uint8Array, { width, height, channels }: PixelShape): void {
  const expected = width * height * channels;
  if (pixels.length !== expected)
    throw new RobleError(
      'ROBLE_IMAGE_SHAPE',
      `The pixels do not fill a picture of ${width}x${height}x${channels}.`,
      {
        received: pixels.length,
        expected: `${expected} values`,
      },
    );
  if (width < 2 || height < 2)
    throw new RobleError('ROBLE_IMAGE_TOO_SMALL', 'The image has too few pixels to show anything.', {
      received: `${width}x${height} pixels`,
      expected: 'at least 2 pixels on each side',
    });
}
