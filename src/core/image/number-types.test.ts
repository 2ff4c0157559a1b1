import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodeTiff, type TiffType } from '../../../test/support/tiff.js';
import { prepareImage, preprocessImage } from './preprocess.js';
import { preprocessingSchema } from './settings.js';

const SIDE = 8;
const grey = preprocessingSchema.parse({ width: SIDE, height: SIDE });
const colour = { ...grey, channels: 3 as const };
/** From black to white in each type. */
const RANGES: Record<TiffType, [black: number, white: number]> = {
  uint8: [0, 255],
  uint16: [0, 65_535],
  uint32: [0, 2 ** 32 - 1],
  int8: [-128, 127],
  int16: [-32_768, 32_767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  float: [0, 1],
  double: [0, 1],
};
const SHADES = Array.from({ length: SIDE * SIDE }, (_, i) => i / (SIDE * SIDE - 1));

/** The shades, 0..1, as a TIFF of a type. */
function picture(type: TiffType, channels = 1): Buffer {
  const [black, white] = RANGES[type];
  const value = (shade: number) => black + shade * (white - black);
  const whole = (shade: number) =>
    type === 'float' || type === 'double' ? value(shade) : Math.round(value(shade));
  const values = SHADES.flatMap((shade) =>
    Array.from({ length: channels }, (_, c) =>
      channels % 2 === 0 && c === channels - 1 ? white : whole(shade),
    ),
  );
  return encodeTiff({ type, width: SIDE, height: SIDE, channels }, values);
}

const floats = (values: number[]) => encodeTiff({ type: 'float', width: SIDE, height: SIDE }, values);
const refused = (bytes: Buffer) => preprocessImage(bytes, grey).then(String, (error) => error);

describe('a picture is as bright', () => {
  it.each<[type: TiffType, channels: number]>([
    ['uint8', 1],
    ['uint8', 2],
    ['uint8', 3],
    ['uint8', 4],
    ['uint16', 1],
    ['uint16', 2],
    ['uint16', 3],
    ['uint16', 4],
    ['float', 1],
    ['float', 2],
    ['float', 3],
    ['float', 4],
  ])('in values of %s with %i channels as its shades are', async (type, channels) => {
    for (const preprocessing of [grey, colour]) {
      const pixels = await preprocessImage(picture(type, channels), preprocessing);
      const expected = SHADES.flatMap((shade) =>
        Array<number>(preprocessing.channels).fill(Math.round(255 * shade)),
      );
      // A step for 16 bits, whose lower byte is cut off.
      expect(Math.max(...pixels.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThanOrEqual(1);
    }
  });

  it('turned and resized as one of 8 bits', async () => {
    const small = { ...grey, width: 5, height: 3, fit: 'fill' as const };
    const [float, byte] = await Promise.all(
      (['float', 'uint8'] as const).map((type) =>
        preprocessImage(picture(type, 3), small, { transpose: true }),
      ),
    );
    expect(float).toEqual(byte);
  });
});

describe('a picture is refused, with what to do, whose values', () => {
  it.each<TiffType>(['int8', 'int16', 'int32', 'uint32', 'double'])('are %s', async (type) => {
    expect(await refused(picture(type))).toMatchObject({
      code: 'ROBLE_IMAGE_VALUES',
      details: {
        expected: expect.stringContaining('0 (black)'),
        nextSteps: [expect.stringMatching(/same scale/)],
      },
    });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -0.2, 1.5, 255, 1e30])('are floats with %d', async (odd) => {
    expect(await refused(floats(SHADES.map((shade, i) => (i === 9 ? odd : shade))))).toMatchObject({
      code: 'ROBLE_IMAGE_VALUES',
    });
  });

  it('are of more channels than colours', async () => {
    expect(await refused(picture('uint8', 5))).toMatchObject({ code: 'ROBLE_IMAGE_VALUES' });
  });
});

it('takes floats that rounding has brought a little beyond black and white', async () => {
  const pixels = await preprocessImage(floats(SHADES.map((shade) => shade * 1.002 - 0.001)), grey);
  expect([pixels[0], pixels.at(-1)]).toEqual([0, 255]);
});

it.each([8, 10, 12, 14])('says of 16 bits that only %i are used, and by what to multiply', async (bits) => {
  const values = Uint16Array.from(SHADES, (shade) => Math.round(shade * (2 ** bits - 1)));
  const png = await sharp(values, { raw: { width: SIDE, height: SIDE, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();
  const { notices } = await prepareImage(png, grey);
  expect(notices.join()).toContain(`multiply those of all pictures by ${2 ** (16 - bits)}`);
  expect((await prepareImage(picture('uint16'), grey)).notices.join()).not.toContain('multiply');
});
