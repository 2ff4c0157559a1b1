import { crc32, deflateSync } from 'node:zlib';
import type { Preprocessing } from './settings.js';

/** Grey, or red, green, blue. */
export interface PlainShape {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** The colour type of grey; red, green, blue; and these with transparency. */
const COLOR_TYPE = { 1: 0, 3: 2, 4: 6 } as const;
/** Without compression, which takes too long for many pictures. */
const COMPRESSION_LEVEL = 0;

/**
 * A picture as PNG (ISO/IEC 15948) without filters, encoded on this thread and in a small part of the time of a general
 * encoder: for many small pictures that are not kept.
 *
 * @param pixels uint8 [height, width, channels]
 */
export function encodePlainPng(pixels: Uint8Array, shape: PlainShape): Buffer {
  const { width, height, channels } = shape;
  const stride = width * channels;
  // Each row begins with the number of its filter, 0: none.
  const rows = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++)
    rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  return pngFile(shape, [deflateSync(rows, { level: COMPRESSION_LEVEL })]);
}

/**
 * A PNG of 8 bits of compressed rows.
 *
 * @param channels grey; red, green, blue; or these with transparency
 * @param data parts of one zlib stream, each of which becomes a chunk
 */
export function pngFile(
  { width, height, channels }: Pick<PlainShape, 'width' | 'height'> & { readonly channels: 1 | 3 | 4 },
  data: readonly Uint8Array[],
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, COLOR_TYPE[channels]], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    ...data.map((part) => chunk('IDAT', part)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

/**
 * Pixels as a PNG that decodes to the same pixels: grey or RGB of 8 bits, without a colour profile.
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
