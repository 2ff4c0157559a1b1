import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { prepareImage, preprocessImage, preprocessPixels } from './preprocess.js';
import { preprocessingSchema } from './settings.js';

const grey = preprocessingSchema.parse({ width: 8, height: 8 });
const rgb = preprocessingSchema.parse({ width: 8, height: 8, channels: 3 });

/** Noise does not compress, so that a cut file really lacks picture. */
const noise = (width: number, height: number) => {
  const data = Buffer.alloc(width * height * 3);
  for (let i = 0, state = 1; i < data.length; i++) {
    state = (state * 48271) % 2147483647;
    data[i] = state & 255;
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
};
const plain = (background: { r: number; g: number; b: number; alpha?: number }, width = 8, height = 8) =>
  sharp({
    create: {
      width,
      height,
      channels: background.alpha === undefined ? 3 : 4,
      background: background as never,
    },
  });
const code = (bytes: Uint8Array, options = {}) =>
  preprocessImage(bytes, grey, options).then(
    () => 'none',
    (error) => error.code,
  );

describe('preprocessImage refuses', () => {
  it('no bytes', async () => expect(await code(Buffer.alloc(0))).toBe('ROBLE_IMAGE_EMPTY'));

  it.each(['png', 'jpeg', 'webp', 'gif', 'avif'] as const)('a truncated %s', async (format) => {
    const bytes = await noise(48, 48)[format]().toBuffer();
    for (const share of [0.3, 0.6, 0.95])
      expect(await code(bytes.subarray(0, Math.floor(bytes.length * share)))).toBe('ROBLE_IMAGE_TRUNCATED');
  });

  it('text, and a damaged PNG that is complete', async () => {
    expect(await code(Buffer.from('this is no picture'))).toBe('ROBLE_IMAGE_UNREADABLE');
    const png = await noise(48, 48).png().toBuffer();
    png.fill(7, 100, 2000);
    expect(await code(png)).toBe('ROBLE_IMAGE_UNREADABLE');
  });

  it('1x2 pixels', async () =>
    expect(await code(await plain({ r: 9, g: 9, b: 9 }, 1, 2).png().toBuffer())).toBe(
      'ROBLE_IMAGE_TOO_SMALL',
    ));

  it('more pixels than the limit, before decoding', async () => {
    const png = await plain({ r: 1, g: 2, b: 3 }, 3000, 3000).png().toBuffer();
    expect(await code(png, { maxPixels: 1_000_000 })).toBe('ROBLE_IMAGE_TOO_LARGE');
    expect(await code(png, { maxPixels: 9_000_000 })).toBe('none');
  });

  it.each(['gif', 'webp'] as const)('an animated %s', async (format) => {
    const frames = await Promise.all([10, 200].map((v) => plain({ r: v, g: v, b: v }).png().toBuffer()));
    const bytes = await sharp(frames, { join: { animated: true } })
      [format]()
      .toBuffer();
    expect(await code(bytes)).toBe('ROBLE_IMAGE_ANIMATED');
  });
});

describe('preprocessImage converts', () => {
  it('16-bit grey to 8 bits by scale, and says so', async () => {
    const values = new Uint16Array(64).map((_, i) => [0, 0x1234, 0x8000, 0xffff][i & 3]!);
    const png = await sharp(values, { raw: { width: 8, height: 8, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const { pixels, notices } = await prepareImage(png, grey);
    expect([...pixels.subarray(0, 4)]).toEqual([0, 0x12, 0x80, 0xff]);
    expect(notices.join()).toContain('8 bits');
  });

  it('CMYK to sRGB, and says so', async () => {
    const jpeg = await plain({ r: 200, g: 30, b: 60 })
      .toColourspace('cmyk')
      .jpeg({ quality: 100 })
      .toBuffer();
    const { pixels, notices } = await prepareImage(jpeg, rgb);
    // CMYK has fewer colours than sRGB: saturated ones move, by up to 21 here.
    for (const [i, value] of [200, 30, 60].entries())
      expect(Math.abs(pixels[i]! - value)).toBeLessThanOrEqual(24);
    expect(notices.join()).toContain('CMYK');
  });

  it('transparency to the background, then inverts', async () => {
    const png = await plain({ r: 255, g: 0, b: 0, alpha: 0 }).png().toBuffer();
    const white = { ...grey, background: '#ffffff' };
    expect(new Set(await preprocessImage(png, white))).toEqual(new Set([255]));
    expect(new Set(await preprocessImage(png, { ...white, invert: true }))).toEqual(new Set([0]));
  });

  it('turns as EXIF says', async () => {
    const half = Buffer.alloc(8 * 8 * 3).fill(255, 0, 4 * 8 * 3);
    const jpeg = await sharp(half, { raw: { width: 8, height: 8, channels: 3 } })
      .jpeg({ quality: 100 })
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const pixels = await preprocessImage(jpeg, grey);
    // The upper half was white; a quarter turn to the right puts it on the right.
    expect(pixels[0]).toBeLessThan(30);
    expect(pixels[7]).toBeGreaterThan(225);
  });

  it('fits a wide picture with a border', async () => {
    const pixels = await preprocessImage(
      await plain({ r: 255, g: 255, b: 255 }, 16, 8).png().toBuffer(),
      grey,
    );
    expect([pixels[0], pixels[8 * 4], pixels[63]]).toEqual([0, 255, 0]);
  });
});

describe('preprocessPixels', () => {
  it('lets pixels of the right shape through bit for bit', async () => {
    const pixels = Uint8Array.from({ length: 64 }, (_, i) => i * 4);
    expect(await preprocessPixels(pixels, { width: 8, height: 8, channels: 1 }, grey)).toEqual(pixels);
  });

  it('refuses pixels that do not fill their shape', async () => {
    await expect(
      preprocessPixels(new Uint8Array(5), { width: 8, height: 8, channels: 1 }, grey),
    ).rejects.toMatchObject({ code: 'ROBLE_IMAGE_SHAPE' });
  });

  it('agrees with the way of encoded pictures', async () => {
    const raw = await noise(20, 14).raw().toBuffer();
    const png = await noise(20, 14).png().toBuffer();
    expect(await preprocessPixels(raw, { width: 20, height: 14, channels: 3 }, grey)).toEqual(
      await preprocessImage(png, grey),
    );
  });
});

it.each([
  { side: 100, channels: 4, invert: false },
  { side: 28, channels: 1, invert: true },
] as const)(
  'leaves raw pixels of $channels channels as they were, wherever in a Buffer they lie',
  async ({ side, channels, invert }) => {
    const shape = { width: side, height: side, channels };
    const plain = Uint8Array.from({ length: side * side * channels }, (_, i) => (i * 7) & 255);
    const odd = Buffer.concat([Buffer.alloc(1), plain]).subarray(1);
    const preprocessing = preprocessingSchema.parse({ width: 28, height: 28, invert });
    const wanted = await preprocessPixels(plain.slice(), shape, preprocessing);
    expect(await preprocessPixels(odd, shape, preprocessing)).toEqual(wanted);
    expect(new Uint8Array(odd)).toEqual(plain);
  },
);
