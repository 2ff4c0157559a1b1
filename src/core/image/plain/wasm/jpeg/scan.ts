/**
 * Decodes the scan of a JPEG: Huffman codes (ITU-T T.81, F.2), dequantization, and the inverse DCT to blocks of some size.
 */
import { WINDOW_BITS, windowAt } from './bits';
import { codeAt, isEnd, passOver } from './huffman';
import { block, checkRange, isInRange, meanSample, resetRange, writeSamples } from './idct';

/** One of grey, or of luma and the two chromas. */
class Component {
  /** Blocks of a unit, across and down. */
  h: i32;
  v: i32;
  /** Samples on a side of a block. */
  size: i32;
  /** Where the samples go, and how many a row has. */
  samples: usize;
  stride: i32;
  dcTable: usize;
  acTable: usize;
  /** uint16 [64]: what each coefficient is multiplied by, in the order of the file (zigzag). */
  quantization: usize;
  /** The mean of the block before. */
  prediction: i32;
}

const COMPONENT_BYTES: usize = offsetof<Component>();
/** Three of them. */
const components: usize = memory.data(3 * <i32>offsetof<Component>(), 4);

/** Where each coefficient of the file lies in its block: along the diagonals, there and back. */
const ZIGZAG: usize = memory.data<u8>([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46,
  53, 60, 61, 54, 47, 55, 62, 63,
]);
/** No mean of a picture is so large, by far; beyond it libjpeg begins again at black. */
const MEAN_RANGE: i32 = 1 << 11;
/** The longest code with the longest number. */
const MOST_SYMBOL_BITS: i32 = 31;

function componentAt(i: i32): Component {
  return changetype<Component>(components + <usize>i * COMPONENT_BYTES);
}

/** Says what a component is like; see {@link Component}. */
export function setComponent(
  i: i32,
  h: i32,
  v: i32,
  size: i32,
  samples: usize,
  stride: i32,
  dcTable: usize,
  acTable: usize,
  quantization: usize,
): void {
  const component = componentAt(i);
  component.h = h;
  component.v = v;
  component.size = size;
  component.samples = samples;
  component.stride = stride;
  component.dcTable = dcTable;
  component.acTable = acTable;
  component.quantization = quantization;
}

/**
 * Decodes all blocks of the components.
 *
 * @param count components
 * @param across units in a row
 * @param units in all
 * @param restartInterval units between two restarts
 * @param first address of the first byte of the data, which lie backwards
 * @param ends int32 [parts]: where each part between restarts ends, in bytes
 * @returns false for data that is damaged, or in which anything is odd
 */
export function decodeScan(
  count: i32,
  across: i32,
  units: i32,
  restartInterval: i32,
  first: usize,
  ends: usize,
  parts: i32,
): bool {
  resetRange();
  // Where the one before was damaged, something is left in it.
  memory.fill(block, 0, 128);
  let row = 0;
  let column = 0;
  let position = 0;
  let unit = 0;
  const limit = 8 * load<i32>(ends + ((<usize>(parts - 1)) << 2));
  for (let part = 0; part < parts; part++) {
    for (let i = 0; i < count; i++) componentAt(i).prediction = 0;
    for (const last = part === parts - 1 ? units : unit + restartInterval; unit < last; unit++) {
      for (let i = 0; i < count; i++) {
        position = decodeUnit(componentAt(i), row, column, first, position, limit);
        if (position < 0) return false;
      }
      column += 1;
      if (column === across) {
        column = 0;
        row += 1;
      }
    }
    // Ones fill the last byte; more, or less, than the units is damage.
    const end = 8 * load<i32>(ends + ((<usize>part) << 2));
    if (position > end || position <= end - 8) return false;
    position = end;
  }
  return isInRange();
}

/**
 * The blocks of a unit.
 *
 * @param start bit at which they begin
 * @param limit the last bit at which a block may begin
 * @returns bit at which they end; negative: damaged
 */
function decodeUnit(component: Component, row: i32, column: i32, first: usize, start: i32, limit: i32): i32 {
  const h = component.h;
  const v = component.v;
  const size = component.size;
  const stride = component.stride;
  let position = start;
  for (let y = row * v; y < row * v + v; y++)
    for (let x = column * h; x < column * h + h; x++) {
      if (position < 0 || position > limit) return -1;
      position = decodeBlock(component, first, position, component.samples + (y * stride + x) * size);
    }
  return position;
}

function decodeBlock(component: Component, first: usize, start: i32, to: usize): i32 {
  let window = windowAt(first, start);
  const windowEnd = start + WINDOW_BITS;
  const code = codeAt(component.dcTable, window);
  if (code === 0) return -1;
  // The mean is coded as the difference from that of the block before.
  const length = code & 255;
  const numberBits = code >> 8;
  window <<= length;
  if (numberBits !== 0) component.prediction += numberAt(window, numberBits);
  window <<= numberBits;
  const position = start + length + numberBits;
  const mean = component.prediction * load<u16>(component.quantization);
  if (mean < -MEAN_RANGE || mean >= MEAN_RANGE) return -1;
  const size = component.size;
  if (size === 1) {
    store<u8>(to, meanSample(mean));
    return passOver(component.acTable, first, position, window, windowEnd);
  }
  const stride: usize = component.stride;
  store<i16>(block, 0);
  const end = decodeCoefficients(component, first, position, window, windowEnd);
  // Only then was a coefficient written.
  if (load<i16>(block) === 0) {
    const sample = meanSample(mean);
    for (let y = 0; y < size; y++, to += stride) memory.fill(to, sample, size);
  } else {
    store<i16>(block, <i16>mean);
    writeSamples(size, to, stride);
    memory.fill(block, 0, 128);
  }
  return end;
}

/** Puts the AC coefficients into the block; see {@link passOver}. */
function decodeCoefficients(
  component: Component,
  first: usize,
  start: i32,
  window: u64,
  windowEnd: i32,
): i32 {
  const table = component.acTable;
  const quantization = component.quantization;
  let position = start;
  for (let k = 1; k < 64; k++) {
    if (position > windowEnd - MOST_SYMBOL_BITS) {
      window = windowAt(first, position);
      windowEnd = position + WINDOW_BITS;
    }
    const code = codeAt(table, window);
    if (code === 0) return -1;
    const length = code & 255;
    const symbol = code >> 8;
    const numberBits = symbol & 15;
    position += length + numberBits;
    if (isEnd(symbol)) return position;
    k += symbol >> 4;
    window <<= length;
    if (k > 63) return -1;
    // Sixteen zeros.
    if (numberBits === 0) continue;
    const coefficient = numberAt(window, numberBits) * <i32>load<u16>(quantization + ((<usize>k) << 1));
    window <<= numberBits;
    checkRange(coefficient);
    store<i16>(block + ((<usize>load<u8>(ZIGZAG + k)) << 1), <i16>coefficient);
    store<i16>(block, 1);
  }
  return position;
}

/** T.81, F.2.2.1: a number of `size` bits, of which the lower half stands for negative ones. */
function numberAt(window: u64, size: i32): i32 {
  const bits = <i32>(window >>> (64 - size));
  return bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;
}
