import { crc32, deflateSync, inflateSync } from 'node:zlib';
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
/** Length and type before the data of a chunk, and the checksum after it. */
const HEAD_BYTES = 8;
const CHECKSUM_BYTES = 4;
/** Chunks that change no pixel: the print density and the time. */
const WITHOUT_EFFECT = new Set(['pHYs', 'tIME']);
/** A larger picture would block the calling thread. */
const MAX_PIXEL_BYTES = 65_536;

/**
 * Decodes the plainest PNGs (ISO/IEC 15948): small, 8 bits, grey or colours without transparency, no interlacing, and nothing
 * else in the file that could change how it looks. Programs that scale their pictures for a model send such files, and this
 * takes a small part of the time of starting a general decoder.
 *
 * @param wanted the size and channels that are needed
 * @returns uint8 [height, width, channels]; undefined for every other file, also for a damaged one, which the general decoder
 *   judges
 */
export function decodePlainPng(bytes: Uint8Array, wanted: PlainShape): Uint8Array | undefined {
  const { width, height, channels } = wanted;
  if (width * height * channels > MAX_PIXEL_BYTES) return undefined;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const compressed = plainData(file, wanted);
  const stride = width * channels;
  const rows = compressed && inflated(compressed, height * (stride + 1));
  return rows && unfiltered(rows, height, stride, channels);
}

/** The compressed rows of a file that has nothing but the wanted header, these rows, and the end. */
function plainData(file: Buffer, wanted: PlainShape): Buffer | undefined {
  if (!file.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return undefined;
  const data: Buffer[] = [];
  let at = SIGNATURE.length;
  for (let number = 0; at + HEAD_BYTES + CHECKSUM_BYTES <= file.length; number++) {
    const end = at + HEAD_BYTES + file.readUInt32BE(at);
    if (end + CHECKSUM_BYTES > file.length) return undefined;
    if (crc32(file.subarray(at + 4, end)) !== file.readUInt32BE(end)) return undefined;
    const type = file.toString('latin1', at + 4, at + HEAD_BYTES);
    const content = file.subarray(at + HEAD_BYTES, end);
    at = end + CHECKSUM_BYTES;
    if ((number === 0) !== (type === 'IHDR')) return undefined;
    if (type === 'IHDR' && !isHeaderOf(content, wanted)) return undefined;
    if (type === 'IEND') return at === file.length && data.length > 0 ? joined(data) : undefined;
    if (type === 'IDAT') data.push(content);
    else if (type !== 'IHDR' && !WITHOUT_EFFECT.has(type)) return undefined;
  }
  return undefined;
}

function isHeaderOf(header: Buffer, { width, height, channels }: PlainShape): boolean {
  return (
    header.length === 13 &&
    header.readUInt32BE(0) === width &&
    header.readUInt32BE(4) === height &&
    // Bits, colour type, compression, filters, interlacing.
    header.subarray(8).equals(Buffer.from([8, COLOR_TYPE[channels], 0, 0, 0]))
  );
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** Undefined if the data is damaged, or does not have that length. */
function inflated(compressed: Buffer, length: number): Buffer | undefined {
  try {
    // By default each call would allocate 16 KiB and throw them away.
    const rows = inflateSync(compressed, { maxOutputLength: length, chunkSize: Math.max(64, length + 1) });
    return rows.length === length ? rows : undefined;
  } catch {
    return undefined;
  }
}

/** Undoes the filters of the rows. A filter predicts a byte from those to the left, above, and above to the left. */
function unfiltered(
  rows: Buffer,
  height: number,
  stride: number,
  pixelBytes: number,
): Uint8Array | undefined {
  const pixels = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)]!;
    const row = rows.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1));
    const start = y * stride;
    if (filter > 4) return undefined;
    if (filter === 0) {
      pixels.set(row, start);
      continue;
    }
    for (let x = 0; x < stride; x++) {
      const left = x >= pixelBytes ? pixels[start + x - pixelBytes]! : 0;
      const above = y > 0 ? pixels[start + x - stride]! : 0;
      const corner = x >= pixelBytes && y > 0 ? pixels[start + x - stride - pixelBytes]! : 0;
      pixels[start + x] = row[x]! + prediction(filter, left, above, corner);
    }
  }
  return pixels;
}

function prediction(filter: number, left: number, above: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  return paeth(left, above, corner);
}

/** The neighbour that is nearest to left + above - corner. */
function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

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
