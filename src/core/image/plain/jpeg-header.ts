import { type Orientation, orientationOf } from './exif.js';

/** One of grey, or of luma and the two chromas. */
export interface Component {
  /** Blocks of a unit, across and down. */
  readonly h: number;
  readonly v: number;
  /** What each coefficient is multiplied by, in the order of the file (zigzag). */
  readonly quantization: Uint16Array;
  /** Huffman codes as in the file: how many there are of each length, 1 to 16 bits, and what they stand for. */
  readonly dcTable: Uint8Array;
  readonly acTable: Uint8Array;
}

export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  readonly components: readonly Component[];
  /** Units between two restarts; 0: none. */
  readonly restartInterval: number;
  /** Where the compressed data begins. */
  readonly scanStart: number;
}

const [SOI, SOS, DQT, DHT, DRI, COM] = [0xd8, 0xda, 0xdb, 0xc4, 0xdd, 0xfe];
/** Baseline and extended sequential frames with Huffman codes. */
const FRAMES = [0xc0, 0xc1];
const [APP0, APP1, APP2, APP14, APP15] = [0xe0, 0xe1, 0xe2, 0xee, 0xef];

interface FrameComponent {
  readonly id: number;
  readonly h: number;
  readonly v: number;
  readonly quantization: number;
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: readonly FrameComponent[];
}

/** What was read up to the scan. */
interface Segments {
  frame?: Frame;
  orientation: Orientation;
  isJfif: boolean;
  adobeTransform?: number;
  restartInterval: number;
  readonly quantization: Map<number, Uint16Array>;
  /** By class (0: DC, 1: AC) and number, as in the file. */
  readonly huffman: Map<number, Uint8Array>;
}

/**
 * Reads the header of a plain JPEG (ITU-T T.81): sequential, Huffman codes, 8 bits, grey or luma and chroma in one scan, without
 * a colour profile or a second picture in it.
 *
 * @returns undefined for every other file, also for one in which anything is odd, which the general decoder judges
 */
export function readJpegHeader(file: Buffer): JpegHeader | undefined {
  if (file.length < 4 || file[0] !== 0xff || file[1] !== SOI) return undefined;
  const found: Segments = {
    orientation: 1,
    isJfif: false,
    restartInterval: 0,
    quantization: new Map(),
    huffman: new Map(),
  };
  for (let at = 2; at + 4 <= file.length; ) {
    const marker = file[at + 1]!;
    const length = file.readUInt16BE(at + 2);
    const end = at + 2 + length;
    if (file[at] !== 0xff || length < 2 || end > file.length) return undefined;
    const content = file.subarray(at + 4, end);
    if (marker === SOS) return withScan(found, content, end);
    if (!noteSegment(found, marker!, content)) return undefined;
    at = end;
  }
  return undefined;
}

/** False for what only the general decoder knows. */
function noteSegment(found: Segments, marker: number, content: Buffer): boolean {
  if (FRAMES.includes(marker)) {
    const frame = found.frame ? undefined : frameOf(content);
    if (frame) found.frame = frame;
    return frame !== undefined;
  }
  if (marker === DQT) return noteQuantization(found.quantization, content);
  if (marker === DHT) return noteHuffman(found.huffman, content);
  if (marker === DRI) {
    if (content.length !== 2) return false;
    found.restartInterval = content.readUInt16BE(0);
    return true;
  }
  return marker === COM || (marker >= APP0 && marker <= APP15 && noteApplication(found, marker, content));
}

function noteApplication(found: Segments, marker: number, content: Buffer): boolean {
  // A colour profile, or the index of several pictures.
  if (marker === APP2) return false;
  const starts = (text: string) => content.toString('latin1', 0, text.length) === text;
  if (marker === APP0 && starts('JFIF\0')) found.isJfif = content.length >= 14;
  if (marker === APP14 && starts('Adobe')) {
    if (content.length < 12) return false;
    found.adobeTransform = content[11]!;
  }
  if (marker === APP1 && starts('Exif')) {
    const orientation = orientationOf(content);
    // Of several, readers take another one.
    if (orientation === undefined || found.orientation !== 1) return false;
    found.orientation = orientation;
  }
  return true;
}

function frameOf(content: Buffer): Frame | undefined {
  if (content.length < 6) return undefined;
  const count = content[5]!;
  const [height, width] = [content.readUInt16BE(1), content.readUInt16BE(3)];
  if (content[0] !== 8 || width === 0 || height === 0 || content.length !== 6 + 3 * count) return undefined;
  const components: FrameComponent[] = [];
  for (let at = 6; at < content.length; at += 3) {
    const sampling = content[at + 1]!;
    components.push({
      id: content[at]!,
      h: sampling >> 4,
      v: sampling & 15,
      quantization: content[at + 2]!,
    });
  }
  return { width, height, components };
}

function noteQuantization(tables: Map<number, Uint16Array>, content: Buffer): boolean {
  for (let at = 0; at < content.length; ) {
    const [precision, number] = [content[at]! >> 4, content[at]! & 15];
    const bytes = 64 * (precision + 1);
    at += 1;
    if (precision > 1 || number > 3 || at + bytes > content.length) return false;
    const table = new Uint16Array(64);
    for (let i = 0; i < 64; i++, at += precision + 1)
      table[i] = precision ? content.readUInt16BE(at) : content[at]!;
    tables.set(number, table);
  }
  return true;
}

function noteHuffman(tables: Map<number, Uint8Array>, content: Buffer): boolean {
  for (let at = 0; at < content.length; ) {
    const place = content[at]!;
    let total = 0;
    for (let i = at + 1; i <= at + 16; i++) total += content[i] ?? 0;
    const end = at + 17 + total;
    if ((place & 0xec) !== 0 || total > 256 || end > content.length) return false;
    tables.set(place, content.subarray(at + 1, end));
    at = end;
  }
  return true;
}

/** Joins the scan, the frame and their tables. */
function withScan(found: Segments, content: Buffer, scanStart: number): JpegHeader | undefined {
  const { frame, orientation, restartInterval } = found;
  if (!frame || !isKnownColour(found, frame.components)) return undefined;
  const count = frame.components.length;
  // Which components, which tables, and that all 64 coefficients come at once.
  if (content.length !== 4 + 2 * count || content[0] !== count) return undefined;
  if (content.readUIntBE(1 + 2 * count, 3) !== 63 << 8) return undefined;
  const components: Component[] = [];
  for (const [i, { id, h, v, quantization }] of frame.components.entries()) {
    const tables = content[2 + 2 * i]!;
    const dcTable = found.huffman.get(tables >> 4);
    const acTable = found.huffman.get(0x10 | (tables & 15));
    const steps = found.quantization.get(quantization);
    if (content[1 + 2 * i] !== id || tables & 0xcc || !dcTable || !acTable || !steps) return undefined;
    const [across, down] = count === 1 ? [1, 1] : [h, v];
    components.push({ h: across, v: down, quantization: steps, dcTable, acTable });
  }
  return { width: frame.width, height: frame.height, orientation, components, restartInterval, scanStart };
}

/** Grey, or luma and chroma of which the chroma has at most every second sample across and down. */
function isKnownColour({ isJfif, adobeTransform }: Segments, components: readonly FrameComponent[]): boolean {
  if (components.some(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4)) return false;
  if (components.length === 1) return true;
  if (components.length !== 3) return false;
  const [luma, ...chromas] = components as [FrameComponent, ...FrameComponent[]];
  const isSampled = [1, 2].includes(luma.h) && [1, 2].includes(luma.v);
  if (!isSampled || chromas.some(({ h, v }) => h !== 1 || v !== 1)) return false;
  const ids = components.map(({ id }) => id);
  if (new Set(ids).size !== 3) return false;
  if (isJfif) return true;
  return adobeTransform === undefined ? ids.join() === '1,2,3' : adobeTransform === 1;
}
