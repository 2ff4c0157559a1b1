import type { Metadata, SharpOptions } from 'sharp';
import { RobleError } from '../errors.js';
import { type UnreadFormat, unreadFormat } from './known-formats.js';
import { checkNumberType, unusableValues } from './number-types.js';
import { endsEarly, isAnimatedPng } from './signature.js';

const READ_FORMATS = 'PNG, JPEG, WebP, GIF, TIFF, AVIF or SVG';
/** Fewer pixels on a side than this show nothing. */
const MINIMUM_SIDE = 2;

/** How `sharp` decodes everywhere: never more pixels than the limit, never a picture that ends early. */
export function decoderInput(maxPixels: number): SharpOptions {
  return { limitInputPixels: maxPixels, failOn: 'error', sequentialRead: true };
}

/**
 * Reads an image's header and refuses what cannot be used, before anything is decoded.
 *
 * @throws {RobleError} `ROBLE_IMAGE_EMPTY`, `_TRUNCATED`, `_UNREADABLE`, `_UNSUPPORTED`, `_TOO_SMALL`, `_TOO_LARGE`, `_ANIMATED`, `_VALUES`.
 */
export async function inspectImage(bytes: Uint8Array, maxPixels: number): Promise<Metadata> {
  if (bytes.length === 0)
    throw new RobleError('ROBLE_IMAGE_EMPTY', 'The image has no bytes.', { expected: 'an encoded picture' });
  const metadata = await readMetadata(bytes);
  checkFrames(bytes, metadata);
  checkSize(metadata, maxPixels);
  checkNumberType(metadata);
  return metadata;
}

async function readMetadata(bytes: Uint8Array): Promise<Metadata> {
  const { default: sharp } = await import('sharp');
  try {
    // Only the header is read here, and a picture that is too large deserves its own error: no limit yet.
    return await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (error) {
    throw unreadable(bytes, error);
  }
}

function checkFrames(bytes: Uint8Array, { pages }: Metadata): void {
  if ((pages ?? 1) > 1 || isAnimatedPng(bytes))
    throw new RobleError('ROBLE_IMAGE_ANIMATED', 'The image has several frames.', {
      ...(pages !== undefined && pages > 1 && { received: `${pages} frames` }),
      expected: 'a still picture',
      nextSteps: ['Save the frame that you mean as a PNG.'],
    });
}

/** @throws {RobleError} `ROBLE_IMAGE_TOO_SMALL`, `ROBLE_IMAGE_TOO_LARGE` */
export function checkSize({ width, height }: Pick<Metadata, 'width' | 'height'>, maxPixels: number): void {
  if (width < MINIMUM_SIDE || height < MINIMUM_SIDE)
    throw new RobleError('ROBLE_IMAGE_TOO_SMALL', 'The image has too few pixels to show anything.', {
      received: `${width}x${height} pixels`,
      expected: `at least ${MINIMUM_SIDE} pixels on each side`,
    });
  if (width * height > maxPixels)
    throw new RobleError('ROBLE_IMAGE_TOO_LARGE', 'The image has more pixels than the limit.', {
      received: `${width}x${height} = ${width * height} pixels`,
      expected: `at most ${maxPixels} pixels`,
      nextSteps: ['Make the picture smaller, or raise the limit.'],
    });
}

/** What is converted of a picture, and a person may want to know. */
export function conversionsOf({ space, depth }: Metadata): string[] {
  const notices: string[] = [];
  if (depth !== undefined && depth !== 'uchar')
    notices.push(`values of type ${depth} were converted to 8 bits`);
  if (space === 'cmyk') notices.push('CMYK colours were converted to sRGB');
  return notices;
}

/** The coded error of a picture that the decoder refused. */
export function unreadable(bytes: Uint8Array, cause: unknown): RobleError {
  if (cause instanceof RobleError) return cause;
  // Only the first line: the decoder repeats itself, and the rest is for its authors.
  const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
  // So says libvips of numbers of 64 bits.
  if (reason?.includes('samples out of range'))
    return unusableValues('have more bits than are read', 'more than 32 bits in a value', cause);
  const format = unreadFormat(bytes);
  if (format) return notRead(format, READ_FORMATS, cause);
  if (endsEarly(bytes))
    return new RobleError('ROBLE_IMAGE_TRUNCATED', 'The image ends before its picture does.', {
      received: reason,
      nextSteps: ['Copy or download the file again.'],
      cause,
    });
  return new RobleError('ROBLE_IMAGE_UNREADABLE', 'The image is of no known format or is damaged.', {
    received: reason,
    expected: READ_FORMATS,
    cause,
  });
}

/**
 * The error of a file that is of a known format, and not of one that is read.
 *
 * @param expected those that are
 */
export function notRead({ name, advice }: UnreadFormat, expected: string, cause?: unknown): RobleError {
  return new RobleError('ROBLE_IMAGE_UNSUPPORTED', `The image is ${name}, which is not read: ${advice}.`, {
    expected,
    ...(cause !== undefined && { cause }),
  });
}
