import { crc32, inflateSync } from 'node:zlib';
import type { Decoded, PlainFile } from './raster.js';
import { unfilter } from './unfilter.js';

const SIGNATURE = [0x89504e47, 0x0d0a1a0a] as const;
/** Length and type before the data of a chunk, and the checksum after it. */
const HEAD_BYTES = 8;
const CHECKSUM_BYTES = 4;

/** What a pixel consists of, by the type of colour in the header. */
interface Layout {
  readonly samples: number;
  /** Bits of a sample that are read. */
  readonly depths: readonly number[];
}
const PALETTE = 3;
const LAYOUTS: Readonly<Record<number, Layout>> = {
  0: { samples: 1, depths: [1, 2, 4, 8] },
  2: { samples: 3, depths: [8] },
  [PALETTE]: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8] },
  6: { samples: 4, depths: [8] },
};

/**
 * Chunks that change no pixel, here as in the general decoder: density, time, gamma, primaries, the name of the colour space,
 * background, significant bits, and text.
 */
const WITHOUT_EFFECT = new Set(['pHYs', 'tIME', 'gAMA', 'cHRM', 'sRGB', 'bKGD', 'sBIT', 'tEXt']);
/** The beginning of text that is a profile or an orientation. */
const PROFILE_TEXT = 'Raw profile type';

interface Contents {
  /** Width, height, bits, type of colour, compression, filters, interlacing. */
  readonly header: Buffer;
  /** uint8 [colours, 3] */
  readonly palette: Buffer | undefined;
  /** How opaque the first colours of the palette are. */
  readonly transparency: Buffer | undefined;
  readonly data: Buffer;
}

/**
 * Reads a plain PNG (ISO/IEC 15948): complete, of 8 bits or fewer, not interlaced, and with nothing in it that could change its
 * looks, such as a profile, an orientation or an animation.
 *
 * @returns undefined for every other file, also for a damaged one, which the general decoder judges
 */
export function readPng(bytes: Uint8Array): PlainFile | undefined {
  const contents = contentsOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (!contents) return undefined;
  const { header, palette, transparency, data } = contents;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, type] = [header.readUInt8(8), header.readUInt8(9)];
  const layout = LAYOUTS[type];
  if (!layout?.depths.includes(depth) || header.readUIntBE(10, 3) !== 0) return undefined;
  if ((type === PALETTE) !== (palette !== undefined)) return undefined;
  const stride = Math.ceil((width * layout.samples * depth) / 8);
  const length = height * (stride + 1);
  return {
    width,
    height,
    orientation: 1,
    work: () => length,
    decode() {
      const rows = inflated(data, length);
      const stored = rows && unfilter(rows, stride, Math.ceil((layout.samples * depth) / 8));
      if (!stored) return undefined;
      if (palette)
        return withPalette(unpacked(stored, width, depth, 1), palette, transparency, { width, height });
      const pixels = unpacked(stored, width, depth, 255 / (2 ** depth - 1));
      const hasAlpha = layout.samples % 2 === 0;
      return { pixels, width, height, channels: layout.samples < 3 ? 1 : 3, hasAlpha };
    },
  };
}

/** Undefined unless all chunks are whole, known and in their order. */
function contentsOf(file: Buffer): Contents | undefined {
  if (file.length < 8 || file.readUInt32BE(0) !== SIGNATURE[0] || file.readUInt32BE(4) !== SIGNATURE[1])
    return undefined;
  const found: Record<string, Buffer | undefined> = {};
  const data: Buffer[] = [];
  let previous = '';
  for (let at = 8; at + HEAD_BYTES + CHECKSUM_BYTES <= file.length; ) {
    const end = at + HEAD_BYTES + file.readUInt32BE(at);
    if (end + CHECKSUM_BYTES > file.length) return undefined;
    if (crc32(file.subarray(at + 4, end)) !== file.readUInt32BE(end)) return undefined;
    const type = file.toString('latin1', at + 4, at + HEAD_BYTES);
    const content = file.subarray(at + HEAD_BYTES, end);
    at = end + CHECKSUM_BYTES;
    if ((previous === '') !== (type === 'IHDR')) return undefined;
    if (type === 'IDAT') {
      if (data.length > 0 && previous !== 'IDAT') return undefined;
      data.push(content);
    } else if (type === 'IEND') {
      const { IHDR: header, PLTE: palette, tRNS: transparency } = found;
      const isWhole = at === file.length && content.length === 0 && data.length > 0;
      return isWhole && header ? { header, palette, transparency, data: joined(data) } : undefined;
    } else if (!isExpected(type, content, found, data.length > 0)) return undefined;
    previous = type;
  }
  return undefined;
}

/** Whether a chunk may stand where it does; notes those that matter. */
function isExpected(
  type: string,
  content: Buffer,
  found: Record<string, Buffer | undefined>,
  isAfterData: boolean,
): boolean {
  const { length } = content;
  if (WITHOUT_EFFECT.has(type))
    return type !== 'tEXt' || content.toString('latin1', 0, PROFILE_TEXT.length) !== PROFILE_TEXT;
  if (found[type] !== undefined || isAfterData) return false;
  found[type] = content;
  if (type === 'IHDR') return length === 13;
  if (type === 'PLTE') return length > 0 && length % 3 === 0 && length <= 768;
  // Without a palette, it names a colour that is transparent.
  return type === 'tRNS' && found.PLTE !== undefined && length > 0 && length <= found.PLTE.length / 3;
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** Undefined if the data is damaged, does not have that length, or something follows it. */
function inflated(compressed: Buffer, length: number): Buffer | undefined {
  try {
    // By default each call would allocate 16 KiB and throw them away.
    const chunkSize = Math.max(64, length + 1);
    const { buffer, engine } = inflateSync(compressed, {
      maxOutputLength: length,
      chunkSize,
      info: true,
    }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return buffer.length === length && engine.bytesWritten === compressed.length ? buffer : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Samples of fewer than 8 bits as bytes.
 *
 * @param stored uint8 [height, bytes of a row]
 * @param factor by which each is multiplied
 */
function unpacked(stored: Uint8Array, width: number, depth: number, factor: number): Uint8Array {
  if (depth === 8) return stored;
  const stride = Math.ceil((width * depth) / 8);
  const height = stored.length / stride;
  const mask = 2 ** depth - 1;
  const result = new Uint8Array(width * height);
  let to = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0, bit = y * stride * 8; x < width; x++, bit += depth)
      result[to++] = ((stored[bit >> 3]! >> (8 - depth - (bit & 7))) & mask) * factor;
  return result;
}

/** Undefined where an index lies outside the palette. */
function withPalette(
  indices: Uint8Array,
  palette: Buffer,
  transparency: Buffer | undefined,
  size: { readonly width: number; readonly height: number },
): Decoded | undefined {
  const samples = transparency ? 4 : 3;
  const colours = palette.length / 3;
  const pixels = new Uint8Array(indices.length * samples);
  for (let i = 0, to = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (index >= colours) return undefined;
    pixels[to++] = palette[3 * index]!;
    pixels[to++] = palette[3 * index + 1]!;
    pixels[to++] = palette[3 * index + 2]!;
    if (transparency) pixels[to++] = transparency[index] ?? 255;
  }
  return { pixels, ...size, channels: 3, hasAlpha: transparency !== undefined };
}
