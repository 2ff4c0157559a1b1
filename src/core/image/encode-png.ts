import type { Preprocessing } from './settings.js';

/**
 * Pixels as a PNG that decodes to the same ones: grey or RGB of 8 bits, without a colour profile.
 *
 * @param pixels uint8, [height, width, channels]
 */
export async function encodePng(
  pixels: Uint8Array,
  { width, height, channels }: Pick<Preprocessing, 'width' | 'height' | 'channels'>,
): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  return sharp(pixels, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
}
