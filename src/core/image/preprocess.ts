import type { Metadata, Sharp } from 'sharp';
import { RobleError } from '../base/errors.js';
import {
  checkSize,
  conversionsOf,
  decoderInput,
  inspectImage,
  type PixelLimit,
  unreadable,
} from './decode.js';
import { bytesOfFloats, hasFloats, unusedBits } from './number-types.js';
import { decodePlainPng } from './png.js';
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
  return plain ?? convertEncoded(bytes, await inspectImage(bytes, limitOf(options)), preprocessing, options);
}

/** Like {@link preprocessImage}, with notices of what was converted. */
export async function prepareImage(
  bytes: Uint8Array,
  preprocessing: Preprocessing,
  options: PreprocessOptions = {},
): Promise<PreparedImage> {
  const plain = plainPixels(bytes, preprocessing, options);
  if (plain) return { pixels: plain, notices: [] };
  const metadata = await inspectImage(bytes, limitOf(options));
  const pixels = await convertEncoded(bytes, metadata, preprocessing, options);
  const { default: sharp } = await import('sharp');
  const whole = sharp(bytes, decoderInput(limitOf(options).maxPixels));
  const unused = await unusedBits(whole, metadata).catch((error) => {
    throw unreadable(bytes, error);
  });
  return { pixels, notices: [...conversionsOf(metadata), ...(unused === undefined ? [] : [unused])] };
}

const limitOf = ({ maxPixels = DEFAULT_MAX_PIXELS, limitName }: PreprocessOptions): PixelLimit => ({
  maxPixels,
  limitName,
});

/** The pixels of a PNG that needs no conversion; undefined for every other picture. */
function plainPixels(
  bytes: Uint8Array,
  preprocessing: Preprocessing,
  options: PreprocessOptions,
): Uint8Array | undefined {
  const plain = options.transpose ? undefined : decodePlainPng(bytes, preprocessing);
  if (!plain) return undefined;
  checkSize(preprocessing, limitOf(options));
  return inverted(plain, preprocessing);
}

async function convertEncoded(
  bytes: Uint8Array,
  metadata: Metadata,
  preprocessing: Preprocessing,
  options: PreprocessOptions,
): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
  const picture = sharp(bytes, decoderInput(limitOf(options).maxPixels)).autoOrient();
  // A flip and then a quarter turn, which is sharp's own order, make a transposition.
  if (options.transpose) picture.flip().rotate(90);
  try {
    if (!hasFloats(metadata)) return await convert(picture, preprocessing);
    const { pixels, shape } = await bytesOfFloats(picture, metadata);
    return await convert(sharp(pixels, { raw: { ...shape } }), preprocessing);
  } catch (error) {
    throw unreadable(bytes, error);
  }
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
  if (shape.width === width && shape.height === height) {
    // Without codec and resampling: most of MNIST's family takes this way, tens of thousands of pictures at a time.
    if (shape.channels === channels) return inverted(pixels.slice(), preprocessing);
    if (shape.channels === 1) return inverted(greyToRgb(pixels), preprocessing);
  }
  const { default: sharp } = await import('sharp');
  return convert(sharp(pixels, { raw: { ...shape } }), preprocessing);
}

/** Converts any picture to pixels. `sharp` keeps its own order: flatten, resize, colour space. */
async function convert(picture: Sharp, preprocessing: Preprocessing): Promise<Uint8Array> {
  const { width, height, channels, fit, background } = preprocessing;
  const { data, info } = await picture
    .flatten({ background })
    .resize({ width, height, fit, background })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== channels || data.length !== width * height * channels)
    throw new RobleError('ROBLE_INTERNAL', 'A picture was converted to a wrong shape.', {
      received: { width: info.width, height: info.height, channels: info.channels },
      expected: `${width}x${height}x${channels}`,
    });
  return inverted(new Uint8Array(data.buffer, data.byteOffset, data.length), preprocessing);
}

function inverted(pixels: Uint8Array, { invert }: Preprocessing): Uint8Array {
  if (invert) for (let i = 0; i < pixels.length; i++) pixels[i] = 255 - pixels[i]!;
  return pixels;
}

function greyToRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) rgb.fill(grey[i]!, 3 * i, 3 * i + 3);
  return rgb;
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
