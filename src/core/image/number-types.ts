import type { Metadata, Sharp } from 'sharp';
import { RobleError } from '../base/errors.js';
import type { PixelShape } from './settings.js';

/** The types of values for which black and white are defined. */
const EXPECTED =
  'whole numbers without a sign, of 8 bits (0 black, 255 white) or 16 (65535 white), or floats from 0 (black) to 1 (white)';
const SCALE_ALIKE =
  'Convert the pictures to 8 or 16 bits first, all of them by the same scale: with a scale for each, light and dark pictures would look alike.';

/** Values that are grey, or red, green and blue; others, such as CMYK and Lab, have scales of their own. */
const GREY_SPACES: readonly Metadata['space'][] = ['b-w', 'grey16'];
const COLOUR_SPACES: readonly Metadata['space'][] = ['srgb', 'rgb', 'rgb16', 'scrgb'];

/** The usual names of types, by the names of the decoder. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  char: 'int8',
  short: 'int16',
  uint: 'uint32',
  int: 'int32',
  double: 'float64',
};

/**
 * Refuses a picture whose type of values does not define black and white: the scale must be the same for all pictures of a
 * data set and of a server, so it can be derived from the type only, never from the picture.
 *
 * @throws {RobleError} `ROBLE_IMAGE_VALUES`
 */
export function checkNumberType({ space, depth, channels }: Metadata): void {
  const isGrey = GREY_SPACES.includes(space);
  if (!isGrey && !COLOUR_SPACES.includes(space)) return;
  if (channels > (isGrey ? 2 : 4))
    throw new RobleError('ROBLE_IMAGE_VALUES', 'The image has more channels than colours and transparency.', {
      received: `${channels} channels`,
      expected: 'grey or red, green and blue, with or without transparency',
      nextSteps: ['Save the channels that you mean as a picture of their own.'],
    });
  if (Object.hasOwn(TYPE_NAMES, depth))
    throw unusableValues('are of a type that does not define white', TYPE_NAMES[depth]!);
}

/** Whether the values are floats of grey or of red, green and blue. */
export function hasFloats({ space, depth }: Metadata): boolean {
  return depth === 'float' && (GREY_SPACES.includes(space) || COLOUR_SPACES.includes(space));
}

/** The error of values that cannot be put on the scale from black to white. */
export function unusableValues(what: string, received: string, cause?: unknown): RobleError {
  return new RobleError('ROBLE_IMAGE_VALUES', `The values of the image ${what}.`, {
    received,
    expected: EXPECTED,
    nextSteps: [SCALE_ALIKE],
    ...(cause !== undefined && { cause }),
  });
}

/** How far resampling and rounding may bring a float beyond black and white: half a step of 8 bits. */
const TOLERANCE = 0.5 / 255;

/**
 * Floats from 0 to 1 as bytes: 1 is white. Colours are taken as stored, not as linear light, so that they are as bright as
 * grey values of the same numbers.
 *
 * @throws {RobleError} `ROBLE_IMAGE_VALUES` for a value that is not finite or outside 0..1
 */
export async function bytesOfFloats(
  picture: Sharp,
  { space, channels }: Metadata,
): Promise<{ readonly pixels: Uint8Array; readonly shape: PixelShape }> {
  const stored = channels === 1 ? 'b-w' : space === 'scrgb' ? 'scrgb' : 'srgb';
  const { data, info } = await picture
    .pipelineColourspace(stored)
    .toColourspace(stored)
    .raw({ depth: 'float' })
    .toBuffer({ resolveWithObject: true });
  const values = new Float32Array(data.buffer, data.byteOffset, data.length / 4);
  const pixels = new Uint8Array(values.length);
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) throw unusableValues('are not all numbers', String(value));
    if (value < least) least = value;
    if (value > most) most = value;
    pixels[i] = Math.round(Math.min(Math.max(value, 0), 1) * 255);
  }
  if (least < -TOLERANCE || most > 1 + TOLERANCE)
    throw unusableValues('are floats outside 0..1', `${least} to ${most}`);
  return { pixels, shape: { width: info.width, height: info.height, channels: info.channels } };
}

/** Bits of cameras and scanners, whose values are stored in 16 bits. */
const CAMERA_BITS = [8, 10, 12, 14];

/** A notice about a picture of 16 bits that uses few of them and so becomes dark; undefined for other pictures. */
export async function unusedBits(picture: Sharp, { depth, hasAlpha }: Metadata): Promise<string | undefined> {
  if (depth !== 'ushort') return undefined;
  const { channels } = await picture.stats();
  const most = Math.max(...(hasAlpha ? channels.slice(0, -1) : channels).map(({ max }) => max));
  const bits = CAMERA_BITS.find((bits) => most < 2 ** bits);
  if (bits === undefined) return undefined;
  return `values of 16 bits, none above ${2 ** bits - 1} of 65535, so that the picture is nearly black; if they are of ${bits} bits, multiply those of all pictures by ${2 ** (16 - bits)} first`;
}
