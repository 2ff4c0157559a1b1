import type { Component, HuffmanSpec, JpegHeader } from './jpeg-header.js';
import { END_OF_BLOCK, extended, HuffmanTable, NO_CODE } from './jpeg-huffman.js';
import { type BlockSize, InverseDct, meanSample, OUTSIDE, RANGE } from './jpeg-idct.js';

const [FIRST_RESTART, END_OF_IMAGE] = [0xd0, 0xd9];

/** Where each coefficient of the file lies in its block. */
const ZIGZAG = zigzag();
/** No mean of a picture is so large, by far; beyond it libjpeg begins again at black. */
const MEAN_RANGE = 1 << 11;
/** More bits make a picture of many quicker, and take longer to prepare. */
const FEW_BITS = 8;
const MANY_BITS = 10;
const MANY_BYTES = 16_384;
/** Zeros after the data: more than a block can take, so that one which begins inside is read inside. */
const PADDING = 512;

/** The samples of one component. */
export interface Plane {
  readonly samples: Uint8ClampedArray;
  /** Samples of a row, with those beyond the picture. */
  readonly stride: number;
  readonly size: BlockSize;
}

/**
 * Decodes the scan of a JPEG: Huffman codes (ITU-T T.81, F.2), dequantization, and the inverse DCT to blocks of some size.
 *
 * @param sizes for each component
 * @returns undefined for data that is damaged, or in which anything is odd
 */
export function decodeScan(
  file: Buffer,
  header: JpegHeader,
  sizes: readonly BlockSize[],
): Plane[] | undefined {
  const { width, height, components, restartInterval } = header;
  const across = Math.ceil(width / (8 * Math.max(...components.map(({ h }) => h))));
  const down = Math.ceil(height / (8 * Math.max(...components.map(({ v }) => v))));
  const units = across * down;
  const parts = restartInterval > 0 ? Math.ceil(units / restartInterval) : 1;
  const data = entropyCoded(file, header.scanStart, parts);
  if (!data) return undefined;
  const bits = data.bytes.byteLength > MANY_BYTES ? MANY_BITS : FEW_BITS;
  // The chromas share theirs.
  const tables = new Map<HuffmanSpec, HuffmanTable | undefined>();
  const tableOf = (spec: HuffmanSpec, kind: 'dc' | 'ac') => {
    if (!tables.has(spec)) tables.set(spec, HuffmanTable.of(spec, kind, bits));
    return tables.get(spec);
  };
  const dct = new InverseDct();
  const decoders: BlockDecoder[] = [];
  for (const [i, component] of components.entries()) {
    const dc = tableOf(component.dcTable, 'dc');
    const ac = tableOf(component.acTable, 'ac');
    if (!dc || !ac) return undefined;
    const size = sizes[i]!;
    const stride = across * component.h * size;
    const plane = { samples: new Uint8ClampedArray(stride * down * component.v * size), stride, size };
    decoders.push(new BlockDecoder(component, { dc, ac }, plane, dct, data.bytes));
  }
  let unit = 0;
  for (const [part, end] of data.ends.entries()) {
    const start = part === 0 ? 0 : data.ends[part - 1]!;
    let position = start * 8;
    for (const decoder of decoders) decoder.restart();
    const last = part === parts - 1 ? units : unit + restartInterval;
    for (; unit < last; unit++) {
      const [row, column] = [Math.floor(unit / across), unit % across];
      for (const decoder of decoders) {
        position = decoder.decodeUnit(row, column, position);
        if (position < 0) return undefined;
      }
    }
    // Ones fill the last byte; more, or less, than the units is damage.
    if (position > end * 8 || position <= end * 8 - 8) return undefined;
  }
  return dct.isOutOfRange || decoders.some(({ isOutOfRange }) => isOutOfRange)
    ? undefined
    : decoders.map(({ plane }) => plane);
}

interface EntropyCoded {
  /** Without the zeros that are put after each byte of ones, and without markers; then padding. */
  readonly bytes: DataView;
  /** Where each part between restarts ends. */
  readonly ends: readonly number[];
}

/** The compressed data up to the end marker; undefined unless it is in so many parts. */
function entropyCoded(file: Buffer, start: number, parts: number): EntropyCoded | undefined {
  const bytes = Buffer.allocUnsafe(file.length - start + PADDING);
  const ends: number[] = [];
  let to = 0;
  for (let at = start; ; ) {
    const mark = file.indexOf(0xff, at);
    if (mark < 0 || mark + 1 >= file.length) return undefined;
    to += file.copy(bytes, to, at, mark);
    const marker = file[mark + 1]!;
    at = mark + 2;
    if (marker === 0) {
      bytes[to++] = 0xff;
      continue;
    }
    ends.push(to);
    if (marker === END_OF_IMAGE) break;
    if (marker !== FIRST_RESTART + ((ends.length - 1) % 8)) return undefined;
  }
  if (ends.length !== parts) return undefined;
  bytes.fill(0, to, to + PADDING);
  return { bytes: new DataView(bytes.buffer, bytes.byteOffset, to + PADDING), ends };
}

/** Decodes the blocks of one component. */
class BlockDecoder {
  readonly plane: Plane;
  readonly #component: Component;
  readonly #dc: HuffmanTable;
  readonly #ac: HuffmanTable;
  readonly #dct: InverseDct;
  readonly #bytes: DataView;
  /** The last bit at which a block may begin. */
  readonly #limit: number;
  readonly #block = new Int32Array(64);
  #prediction = 0;
  #outOfRange = 0;

  constructor(
    component: Component,
    { dc, ac }: { readonly dc: HuffmanTable; readonly ac: HuffmanTable },
    plane: Plane,
    dct: InverseDct,
    bytes: DataView,
  ) {
    this.#component = component;
    this.#dc = dc;
    this.#ac = ac;
    this.plane = plane;
    this.#dct = dct;
    this.#bytes = bytes;
    this.#limit = (bytes.byteLength - PADDING) * 8;
  }

  /** Whether a coefficient was larger than those of pictures. */
  get isOutOfRange(): boolean {
    return this.#outOfRange !== 0;
  }

  restart(): void {
    this.#prediction = 0;
  }

  /**
   * The blocks of a unit.
   *
   * @param position bit at which they begin
   * @returns bit at which they end; negative: damaged
   */
  decodeUnit(row: number, column: number, position: number): number {
    const { h, v } = this.#component;
    const { stride, size } = this.plane;
    let at = position;
    for (let y = 0; y < v; y++)
      for (let x = 0; x < h; x++) {
        if (at < 0 || at > this.#limit) return -1;
        at = this.#decodeBlock(at, ((row * v + y) * stride + column * h + x) * size);
      }
    return at;
  }

  #decodeBlock(start: number, to: number): number {
    const { samples, stride, size } = this.plane;
    let position = this.#decodeMean(start);
    if (position < 0) return position;
    const mean = Math.imul(this.#prediction, this.#component.quantization[0]!);
    this.#outOfRange |= (mean + MEAN_RANGE) & ~(2 * MEAN_RANGE - 1);
    if (size === 1) {
      samples[to] = meanSample(mean);
      return this.#passOver(position);
    }
    const block = this.#block;
    block[0] = 0;
    position = this.#decodeCoefficients(position);
    // Only then was a coefficient written.
    if (block[0] === 0) {
      const sample = meanSample(mean);
      for (let y = 0, at = to; y < size; y++, at += stride) samples.fill(sample, at, at + size);
    } else {
      block[0] = mean;
      this.#dct.write(block, size, samples, to, stride);
      block.fill(0);
    }
    return position;
  }

  /** The mean is coded as the difference from that of the block before. */
  #decodeMean(start: number): number {
    const { bits, symbols } = this.#dc;
    const next = this.#bytes.getInt32(start >>> 3) << (start & 7);
    const entry = symbols[next >>> (32 - bits)]! || this.#dc.find(next >>> 16);
    if (entry === NO_CODE) return -1;
    const position = start + (entry & 31);
    const size = entry >> 5;
    if (size === 0) return position;
    const number = (this.#bytes.getInt32(position >>> 3) << (position & 7)) >>> (32 - size);
    this.#prediction += extended(number, size);
    return position + size;
  }

  #decodeCoefficients(start: number): number {
    const { bits, coefficients } = this.#ac;
    const { quantization } = this.#component;
    const block = this.#block;
    const bytes = this.#bytes;
    const shift = 32 - bits;
    let position = start;
    for (let k = 1; k < 64; ) {
      const next = bytes.getInt32(position >>> 3) << (position & 7);
      const entry = coefficients[next >>> shift]! || this.#decodeLong(position, next);
      if (entry === NO_CODE) return -1;
      position += entry & 31;
      const value = entry >> 16;
      const zeros = (entry >> 5) & 31;
      k += zeros;
      if (value === 0) {
        if (zeros === 0) break;
        if (k > 64) return -1;
        continue;
      }
      if (k > 63) return -1;
      const coefficient = Math.imul(value, quantization[k]!);
      this.#outOfRange |= (coefficient + RANGE) & OUTSIDE;
      block[ZIGZAG[k]!] = coefficient;
      block[0] = 1;
      k += 1;
    }
    return position;
  }

  /** Finds the end of a block. */
  #passOver(start: number): number {
    const { bits, runs } = this.#ac;
    const bytes = this.#bytes;
    const shift = 32 - bits;
    let position = start;
    for (let k = 1; k < 64; ) {
      const next = bytes.getInt32(position >>> 3) << (position & 7);
      const run = runs[next >>> shift]!;
      const steps = (run >> 5) & 1023;
      const isEnd = (run & END_OF_BLOCK) !== 0;
      // What lies beyond the last coefficient is the next block.
      if (run !== 0 && k + steps + (isEnd ? 1 : 0) <= 64) {
        position += run & 31;
        k += steps;
        if (isEnd) break;
        continue;
      }
      const entry = this.#ac.coefficients[next >>> shift]! || this.#decodeLong(position, next);
      if (entry === NO_CODE) return -1;
      position += entry & 31;
      if (entry >> 5 === 0) break;
      k += ((entry >> 5) & 31) + (entry >> 16 === 0 ? 0 : 1);
      if (k > 64) return -1;
    }
    return position;
  }

  /** A code and its number that are longer than the table's bits, in the form of its entries. */
  #decodeLong(start: number, next: number): number {
    const { bits, symbols } = this.#ac;
    const entry = symbols[next >>> (32 - bits)]! || this.#ac.find(next >>> 16);
    if (entry === NO_CODE) return NO_CODE;
    const length = entry & 31;
    const zeros = entry >> 9;
    const size = (entry >> 5) & 15;
    if (size === 0) return length | ((zeros === 15 ? 16 : 0) << 5);
    const position = start + length;
    const number = (this.#bytes.getInt32(position >>> 3) << (position & 7)) >>> (32 - size);
    return (length + size) | (zeros << 5) | (extended(number, size) << 16);
  }
}

/** Index in a block of 8x8 by place in the file: along the diagonals, there and back. */
function zigzag(): Uint8Array {
  const order = new Uint8Array(64);
  let k = 0;
  for (let diagonal = 0; diagonal < 15; diagonal++)
    for (let i = 0; i <= diagonal; i++) {
      const [x, y] = diagonal % 2 === 0 ? [i, diagonal - i] : [diagonal - i, i];
      if (x < 8 && y < 8) order[k++] = 8 * y + x;
    }
  return order;
}
