import type { Metadata, Sharp } from 'sharp';
import { conversionsOf, decoderInput, inspectImage, type PixelLimit, unreadable } from './decode.js';
import { bytesOfFloats, hasFloats, unusedBits } from './number-types.js';
import type { PixelShape, Preprocessing } from './settings.js';

/** Pixels with their shape, which a caller checks. */
export interface Converted {
  /** uint8, [height, width, channels] */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

export interface GeneralOptions extends PixelLimit {
  /** Swap rows and columns of the picture as it is seen, before it is resized. */
  readonly transpose: boolean;
}

/**
 * Any encoded picture as the pixels that a model sees, before they are inverted, by `sharp`: about a millisecond for the
 * smallest, on threads of its own.
 *
 * @throws {RobleError} those of {@link inspectImage}, and of what decoding finds.
 */
export async function convertEncoded(
  bytes: Uint8Array,
  preprocessing: Preprocessing,
  options: GeneralOptions,
): Promise<Converted & { readonly metadata: Metadata }> {
  const metadata = await inspectImage(bytes, options);
  const { default: sharp } = await import('sharp');
  const picture = sharp(bytes, decoderInput(options.maxPixels)).autoOrient();
  // A flip and then a quarter turn, which is sharp's own order, make a transposition.
  if (options.transpose) picture.flip().rotate(90);
  try {
    if (!hasFloats(metadata)) return { ...(await convert(picture, preprocessing)), metadata };
    const { pixels, shape } = await bytesOfFloats(picture, metadata);
    return { ...(await convertPixels(pixels, shape, preprocessing)), metadata };
  } catch (error) {
    throw unreadable(bytes, error);
  }
}

/** The same for raw pixels. */
export async function convertPixels(
  pixels: Uint8Array,
  shape: PixelShape,
  preprocessing: Preprocessing,
): Promise<Converted> {
  const { default: sharp } = await import('sharp');
  return convert(sharp(pixels, { raw: { ...shape } }), preprocessing);
}

/** Conversions of a picture that a person may want to know. */
export async function noticesOf(bytes: Uint8Array, metadata: Metadata, maxPixels: number): Promise<string[]> {
  const { default: sharp } = await import('sharp');
  const unused = await unusedBits(sharp(bytes, decoderInput(maxPixels)), metadata).catch((error) => {
    throw unreadable(bytes, error);
  });
  return [...conversionsOf(metadata), ...(unused === undefined ? [] : [unused])];
}

/** `sharp` keeps its own order: flatten, resize, colour space. */
async function convert(picture: Sharp, preprocessing: Preprocessing): Promise<Converted> {
  const { width, height, channels, fit, background } = preprocessing;
  const { data, info } = await picture
    .flatten({ background })
    .resize({ width, height, fit, background })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return {
    pixels: new Uint8Array(data.buffer, data.byteOffset, data.length),
    width: info.width,
    height: info.height,
    channels: info.channels,
  };
}
