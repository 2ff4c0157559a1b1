import { deflateSync } from 'node:zlib';
import { pngChunk, pngHeader, pngOf } from './hostile-images.js';

export interface PngOptions {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  /** 0: grey, 2: RGB, 3: palette, 4: grey and alpha, 6: RGB and alpha. */
  readonly colorType: number;
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
  const { width, height, depth, colorType, filterOf = () => 0, chunks = [], parts = 1 } = options;
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
  const data = deflateSync(filtered, { level: 1 });
  const length = Math.ceil(data.length / parts);
  return pngOf(
    pngHeader(width, height, depth, colorType),
    ...chunks.map(([type, content]) => pngChunk(type, content)),
    ...Array.from({ length: parts }, (_, i) => pngChunk('IDAT', data.subarray(i * length, (i + 1) * length))),
  );
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
