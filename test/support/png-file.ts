import { crc32, deflateSync } from 'node:zlib';

export interface PngOptions {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  /** 0: grey, 2: RGB, 3: palette, 4: grey and alpha, 6: RGB and alpha. */
  readonly colorType: number;
  readonly interlaced?: boolean;
  /** The filter of each row, by its number; default 0. */
  readonly filterOf?: (row: number) => number;
  /** Chunks between the header and the pixels. */
  readonly chunks?: readonly (readonly [type: string, content: Uint8Array])[];
  /** Into how many chunks the data is divided; default 1. */
  readonly parts?: number;
}

const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * A PNG (ISO/IEC 15948) of any layout.
 *
 * @param rows the samples, packed in bits: uint8 [height, bytes of a row]
 */
export function encodePngFile(options: PngOptions, rows: Uint8Array): Buffer {
  const {
    width,
    height,
    depth,
    colorType,
    interlaced = false,
    filterOf = () => 0,
    chunks = [],
    parts = 1,
  } = options;
  const stride = strideOf(options);
  const pixelBytes = Math.ceil((SAMPLES[colorType]! * depth) / 8);
  const filtered = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) {
    const [row, above] = [y, y - 1].map((at) => rows.subarray(at * stride, (at + 1) * stride)) as [
      Uint8Array,
      Uint8Array,
    ];
    filtered[y * (stride + 1)] = filterOf(y);
    filtered.set(
      filteredRow(filterOf(y), row, y > 0 ? above : new Uint8Array(stride), pixelBytes),
      y * (stride + 1) + 1,
    );
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colorType, 0, 0, interlaced ? 1 : 0], 8);
  const data = deflateSync(filtered, { level: 1 });
  const length = Math.ceil(data.length / parts);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    ...chunks.map(([type, content]) => chunk(type, content)),
    ...Array.from({ length: parts }, (_, i) => chunk('IDAT', data.subarray(i * length, (i + 1) * length))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Bytes of a row. */
export function strideOf({
  width,
  depth,
  colorType,
}: Pick<PngOptions, 'width' | 'depth' | 'colorType'>): number {
  return Math.ceil((width * SAMPLES[colorType]! * depth) / 8);
}

function filteredRow(filter: number, row: Uint8Array, above: Uint8Array, pixelBytes: number): Uint8Array {
  if (filter === 0) return row;
  return row.map((value, x) => {
    const [left, corner] = x < pixelBytes ? [0, 0] : [row[x - pixelBytes]!, above[x - pixelBytes]!];
    return value - predictionOf(filter, left, above[x]!, corner);
  });
}

function predictionOf(filter: number, left: number, above: number, corner: number): number {
  const distance = (value: number) => Math.abs(left + above - corner - value);
  switch (filter) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return Math.floor((left + above) / 2);
    case 4:
      return [left, above, corner].reduce((best, value) => (distance(value) < distance(best) ? value : best));
    default:
      return 0;
  }
}

/** A chunk with its length and checksum. */
export function chunk(type: string, content: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + content.length);
  bytes.writeUInt32BE(content.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(content, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + content.length)), 8 + content.length);
  return bytes;
}
