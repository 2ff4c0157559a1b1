import { deflateRawSync } from 'node:zlib';
import { Random, randomBytes } from '../../base/random.js';
import { encodePlainPng, type PlainShape, pngFile } from '../../image/png.js';

/** What people send: a small picture in grey and in colour, the canvas of a web page, a photograph of a telephone. */
export const PICTURE_KINDS = ['grey PNG', 'RGB PNG', 'RGBA PNG 280x280', 'JPEG 640x480'] as const;
export type PictureKind = (typeof PICTURE_KINDS)[number];

/** Makes the picture of a number, another one for each. */
export type PictureMaker = (index: number) => Buffer;

/**
 * Makers of random pictures of each kind, the small ones in the shape of a model. They are cheap, because the server that is
 * measured may run on this machine: a canvas and a photograph are drawn and compressed once, and then changed from picture to
 * picture without compressing them again.
 *
 * @param seed another one gives other pictures; a server remembers those that it was sent before
 */
export async function pictureMakers(
  { width, height }: Pick<PlainShape, 'width' | 'height'>,
  seed: number,
): Promise<Readonly<Record<PictureKind, PictureMaker>>> {
  return {
    'grey PNG': (index) => noise({ width, height, channels: 1 }, seed, index),
    'RGB PNG': (index) => noise({ width, height, channels: 3 }, seed, index),
    'RGBA PNG 280x280': canvases(seed),
    'JPEG 640x480': await photographs(seed),
  };
}

function noise(shape: PlainShape, seed: number, index: number): Buffer {
  const bytes = randomBytes(seed, 'synthesize', index, 0);
  return encodePlainPng(bytes(shape.height * shape.width * shape.channels), shape);
}

const CANVAS_SIDE = 280;
/** One byte for the filter of the row, 0: none. */
const CANVAS_ROW = 1 + 4 * CANVAS_SIDE;
/** What differs from canvas to canvas: rows of a few shades, wide enough to be seen by any model. */
const VARIED_ROWS = 8;
const SHADES = 8;
/** Red, green and blue that are seen on black and on white. */
const PEN = [230, 120, 60] as const;

/**
 * Strokes on a transparent ground, as a canvas gives them. The data of a PNG is one zlib stream (RFC 1950), here of
 * two parts: the varied rows, stored as they are, and the others, which were compressed once.
 */
function canvases(seed: number): PictureMaker {
  const rest = strokes(new Random(seed, 'synthesize', 0, 1)).subarray(VARIED_ROWS * CANVAS_ROW);
  const compressed = deflateRawSync(rest);
  const restSum = adler32(rest);
  return (index) => {
    const random = new Random(seed, 'synthesize', index, 1);
    const row = Buffer.alloc(CANVAS_ROW);
    const shades = Array.from({ length: SHADES }, () => random.integer(256));
    for (let x = 0; x < CANVAS_SIDE; x++)
      row.set([...PEN, shades[Math.floor((x * SHADES) / CANVAS_SIDE)]!], 4 * x + 1);
    const varied = Buffer.concat(Array.from({ length: VARIED_ROWS }, () => row));
    // A stored block (RFC 1951): not the last one, its length, and that inverted.
    const head = Buffer.from([0x78, 0x01, 0, 0, 0, 0, 0]);
    head.writeUInt16LE(varied.length, 3);
    head.writeUInt16LE(0xffff - varied.length, 5);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(joinedAdler32(adler32(varied), restSum, rest.length));
    return pngFile({ width: CANVAS_SIDE, height: CANVAS_SIDE, channels: 4 }, [head, varied, compressed, sum]);
  };
}

/** Rows of a PNG: some lines of a pen. */
function strokes(random: Random): Buffer {
  const rows = Buffer.alloc(CANVAS_SIDE * CANVAS_ROW);
  const radius = CANVAS_SIDE / 40;
  for (let stroke = 0; stroke < 4; stroke++) {
    const ends = Array.from({ length: 4 }, () => random.uniform(0.15, 0.85) * CANVAS_SIDE);
    const [x0, y0, x1, y1] = ends as [number, number, number, number];
    for (let step = 0; step <= CANVAS_SIDE; step++) {
      const part = step / CANVAS_SIDE;
      paintDot(rows, x0 + (x1 - x0) * part, y0 + (y1 - y0) * part, radius);
    }
  }
  return rows;
}

function paintDot(rows: Buffer, x: number, y: number, radius: number): void {
  for (let row = Math.ceil(y - radius); row <= y + radius; row++)
    for (let column = Math.ceil(x - radius); column <= x + radius; column++)
      if (Math.hypot(column - x, row - y) <= radius)
        rows.set([...PEN, 255], row * CANVAS_ROW + 1 + 4 * column);
}

/** The largest prime below 2^16. */
const ADLER_MODULUS = 65_521;

/** The checksum of a zlib stream (RFC 1950). */
function adler32(bytes: Uint8Array): number {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % ADLER_MODULUS;
    high = (high + low) % ADLER_MODULUS;
  }
  return high * 65_536 + low;
}

/** The checksum of two parts that follow each other, of those of each and the length of the second. */
function joinedAdler32(first: number, second: number, secondLength: number): number {
  const [low1, low2] = [first % 65_536, second % 65_536];
  const [high1, high2] = [Math.floor(first / 65_536), Math.floor(second / 65_536)];
  const low = (low1 + low2 + ADLER_MODULUS - 1) % ADLER_MODULUS;
  const high = (high1 + high2 + (secondLength % ADLER_MODULUS) * (low1 + ADLER_MODULUS - 1)) % ADLER_MODULUS;
  return high * 65_536 + low;
}

const [PHOTO_WIDTH, PHOTO_HEIGHT] = [640, 480];
const PHOTOGRAPHS = 32;
/** Steps of the first, lowest frequencies in the table of quantization: how many values each takes on. */
const TABLE_VALUES = [5, 4, 4, 4, 4];

/**
 * Photographs in colour. Each is another one of a few, and decoded by another table of quantization (ISO/IEC 10918-1, B.2.4.1):
 * what was compressed is the same, and what is seen has other brightness and contrast.
 */
async function photographs(seed: number): Promise<PictureMaker> {
  const { default: sharp } = await import('sharp');
  const raw = { width: PHOTO_WIDTH, height: PHOTO_HEIGHT, channels: 3 } as const;
  const noise = randomBytes(seed, 'synthesize', 0, 2)(PHOTO_WIDTH * PHOTO_HEIGHT * 3);
  const photograph = async (index: number) => {
    const areas = randomBytes(seed, 'synthesize', index, 3)(8 * 6 * 3);
    // A few pixels, drawn large, are areas with soft edges; the noise is that of a sensor.
    const pixels = await sharp(areas, { raw: { width: 8, height: 6, channels: 3 } })
      .resize(PHOTO_WIDTH, PHOTO_HEIGHT, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer();
    for (let i = 0; i < pixels.length; i++)
      pixels[i] = Math.max(0, Math.min(255, pixels[i]! + (noise[i]! & 7) - 4));
    return sharp(pixels, { raw }).jpeg({ quality: 90 }).toBuffer();
  };
  const bases = await Promise.all(Array.from({ length: PHOTOGRAPHS }, (_, index) => photograph(index)));
  return (index) => {
    const file = Buffer.from(bases[index % PHOTOGRAPHS]!);
    // Behind the marker: two bytes of length, one with the number of the table.
    const table = file.indexOf(Buffer.from([0xff, 0xdb])) + 5;
    let rest = Math.floor(index / PHOTOGRAPHS);
    for (const [i, values] of TABLE_VALUES.entries()) {
      file[table + i] = 2 + (rest % values);
      rest = Math.floor(rest / values);
    }
    return file;
  };
}
