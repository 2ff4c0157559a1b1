import { crc32, inflateSync } from 'node:zlib';
import type { PlainFile } from './plain-file.js';
import { area, type Surface, type Workspace } from './workspace.js';

const SIGNATURE = [0x89504e47, 0x0d0a1a0a] as const;
/** Length and type before the data of a chunk, and the checksum after it. */
const HEAD_BYTES = 8;
const CHECKSUM_BYTES = 4;
/** Bytes of rows that are inflated, unfiltered and resampled in a microsecond, about. */
const BYTES_A_MICROSECOND = 800;

/** What a pixel consists of, by the type of colour in the header. */
interface Layout {
  readonly samples: Surface['channels'];
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
    work: () => length / BYTES_A_MICROSECOND,
    decode(space) {
      const rows = inflated(data, length);
      const at = rows && unfiltered(space, rows, stride, Math.ceil((layout.samples * depth) / 8));
      if (at === undefined) return undefined;
      const stored = { at, pitch: stride + 1, width, height, channels: layout.samples };
      if (palette) return withPalette(space, stored, depth, palette, transparency);
      return depth === 8 ? stored : unpacked(space, stored, depth);
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

/** Where the first row lies without its filter; undefined for a filter that does not exist. */
function unfiltered(space: Workspace, rows: Buffer, stride: number, pixelBytes: number): number | undefined {
  const at = space.put(rows);
  const above = space.allocate(stride);
  space.bytes(above, stride).fill(0);
  const height = rows.length / (stride + 1);
  return space.kernels.unfilter(at, stride, height, pixelBytes, above) ? at + 1 : undefined;
}

/** Grey of fewer than 8 bits as bytes: 255 for the largest. */
function unpacked(space: Workspace, stored: Surface, depth: number): Surface {
  const table = Uint32Array.from({ length: 2 ** depth }, (_, i) => (i * 255) / (2 ** depth - 1));
  const grey = space.surface(stored.width, stored.height, 1);
  space.kernels.lookUp(...area(stored), depth, space.put(table), 1, grey.at);
  return grey;
}

/** Undefined where an index lies outside the palette. */
function withPalette(
  space: Workspace,
  indices: Surface,
  depth: number,
  palette: Buffer,
  transparency: Buffer | undefined,
): Surface | undefined {
  const colours = palette.length / 3;
  const table = new Uint8Array(4 * 2 ** depth);
  for (let i = 0; i < Math.min(colours, 2 ** depth); i++)
    table.set([...palette.subarray(3 * i, 3 * i + 3), transparency?.[i] ?? 255], 4 * i);
  const pixels = space.surface(indices.width, indices.height, 4);
  const largest = space.kernels.lookUp(...area(indices), depth, space.put(table), 4, pixels.at);
  return largest < colours ? pixels : undefined;
}
