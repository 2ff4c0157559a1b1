import type { Metadata, SharpOptions } from 'sharp';
import { RobleError } from '../base/errors.js';
import { ascii, PNG_SIGNATURE, pixelFormat, type UnreadFormat, unreadFormat } from './known-formats.js';
import { checkNumberType, unusableValues } from './number-types.js';

const READ_FORMATS = 'PNG, JPEG, WebP, GIF, TIFF, AVIF or SVG';
/** Fewest pixels on a side that can show anything. */
const MINIMUM_SIDE = 2;

/** Options with which `sharp` decodes everywhere: never more pixels than the limit, never a picture that ends early. */
export function decoderInput(maxPixels: number): SharpOptions {
  return { limitInputPixels: maxPixels, failOn: 'error', sequentialRead: true };
}

/**
 * Reads an image's header and refuses an image that cannot be used, before anything is decoded.
 *
 * @throws {RobleError} `ROBLE_IMAGE_EMPTY`, `_TRUNCATED`, `_UNREADABLE`, `_UNSUPPORTED`, `_TOO_SMALL`, `_TOO_LARGE`, `_ANIMATED`, `_VALUES`.
 */
export async function inspectImage(bytes: Uint8Array, limit: PixelLimit): Promise<Metadata> {
  if (bytes.length === 0)
    throw new RobleError('ROBLE_IMAGE_EMPTY', 'The image has no bytes.', { expected: 'an encoded picture' });
  const metadata = await readMetadata(bytes);
  checkFrames(bytes, metadata);
  checkSize(metadata, limit);
  checkNumberType(metadata);
  return metadata;
}

async function readMetadata(bytes: Uint8Array): Promise<Metadata> {
  const { default: sharp } = await import('sharp');
  try {
    // Only the header is read here. Without a limit, because a picture that is too large gets an error of its own.
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
export function checkSize({ width, height }: Pick<Metadata, 'width' | 'height'>, limit: PixelLimit): void {
  if (width < MINIMUM_SIDE || height < MINIMUM_SIDE)
    throw new RobleError('ROBLE_IMAGE_TOO_SMALL', 'The image has too few pixels to show anything.', {
      received: `${width}x${height} pixels`,
      expected: `at least ${MINIMUM_SIDE} pixels on each side`,
    });
  if (width * height > limit.maxPixels) throw tooManyPixels('The image has', { width, height }, limit);
}

/** The largest picture that is decoded. */
export interface PixelLimit {
  readonly maxPixels: number;
  /** The flag or the key that sets it; default `maxPixels`. */
  readonly limitName?: string | undefined;
}

/** @param what has too many pixels, such as `The image has` */
export function tooManyPixels(
  what: string,
  { width, height }: { readonly width: number; readonly height: number },
  { maxPixels, limitName = 'maxPixels' }: PixelLimit,
): RobleError {
  return new RobleError('ROBLE_IMAGE_TOO_LARGE', `${what} more pixels than ${limitName} allows.`, {
    received: `${width}x${height} = ${width * height} pixels`,
    expected: `at most ${maxPixels} pixels`,
    nextSteps: [`Make it smaller, or raise ${limitName} to ${width * height}.`],
  });
}

/** Conversions of a picture that a person may want to know. */
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
  const message = cause instanceof Error ? cause.message : String(cause);
  // Not what libvips says: it collects the messages of all its threads, so that they may be about another picture.
  const begins = pixelFormat(bytes);
  const received = `${bytes.length} bytes${begins === undefined ? '' : ` that begin like ${begins}`}`;
  // What libvips says about numbers of 64 bits, on any line.
  if (message.includes('samples out of range'))
    return unusableValues('have more bits than are read', 'more than 32 bits in a value', cause);
  const format = unreadFormat(bytes);
  if (format) return notRead(format, READ_FORMATS, cause);
  if (endsEarly(bytes))
    return new RobleError('ROBLE_IMAGE_TRUNCATED', 'The image ends before its picture does.', {
      received,
      nextSteps: ['Copy or download the file again.'],
      cause,
    });
  return new RobleError('ROBLE_IMAGE_UNREADABLE', 'The image is of no known format or is damaged.', {
    received,
    expected: READ_FORMATS,
    cause,
  });
}

/**
 * The error of a file of a known format that cannot be read.
 *
 * @param expected the formats that can be read
 */
export function notRead(
  { name, advice }: Pick<UnreadFormat, 'name' | 'advice'>,
  expected: string,
  cause?: unknown,
): RobleError {
  return new RobleError('ROBLE_IMAGE_UNSUPPORTED', `The image is ${name}, which is not read: ${advice}.`, {
    expected,
    ...(cause !== undefined && { cause }),
  });
}

/**
 * Whether the file is of a known container format and ends before that container does. This distinguishes a file that was cut
 * off from a damaged one.
 */
export function endsEarly(bytes: Uint8Array): boolean {
  if (ascii(bytes, 0, 8) === PNG_SIGNATURE) return !hasPngChunk(bytes, 'IEND');
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return !hasJpegEnd(bytes);
  if (ascii(bytes, 0, 4) === 'GIF8') return bytes[bytes.length - 1] !== 0x3b;
  if (ascii(bytes, 0, 4) === 'RIFF')
    return bytes.length < 8 || view(bytes).getUint32(4, true) + 8 > bytes.length;
  if (ascii(bytes, 4, 8) === 'ftyp') return !endsWithBox(bytes);
  return bytes.length < PNG_SIGNATURE.length && PNG_SIGNATURE.startsWith(ascii(bytes, 0, bytes.length));
}

/** Whether a PNG announces an animation (the `acTL` chunk of the APNG extension), which libpng does not report. */
function isAnimatedPng(bytes: Uint8Array): boolean {
  return ascii(bytes, 0, 8) === PNG_SIGNATURE && hasPngChunk(bytes, 'acTL');
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Looks at the chunks (length, type, data, checksum); one counts only if all its bytes are there. */
function hasPngChunk(bytes: Uint8Array, type: string): boolean {
  const data = view(bytes);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + data.getUint32(at);
    if (end <= bytes.length && ascii(bytes, at + 4, at + 8) === type) return true;
    at = end;
  }
  return false;
}

/** Looks for the end marker from the back, because cameras append data after it. */
function hasJpegEnd(bytes: Uint8Array): boolean {
  for (let at = bytes.length - 2; at >= 2; at--)
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  return false;
}

/** HEIF and AVIF files are boxes that begin with their sizes; size 0 means up to the end of the file. */
function endsWithBox(bytes: Uint8Array): boolean {
  const data = view(bytes);
  let at = 0;
  while (at + 8 <= bytes.length) {
    const size = data.getUint32(at);
    if (size === 0) return true;
    const length = size === 1 && at + 16 <= bytes.length ? Number(data.getBigUint64(at + 8)) : size;
    if (length < 8) return false;
    at += length;
  }
  return at === bytes.length;
}
