/** The codes of a JPEG (ITU-T T.81, C.2) as tables in which the next bits are looked up. */
import { WINDOW_BITS, windowAt } from './bits';

/** The longest code. */
const MOST_BITS: i32 = 16;
/** By how many bits a code is looked up; longer ones are searched for. */
const CODE_BITS: i32 = 10;
/** By how many bits as many codes as begin in them are looked up. */
const RUN_BITS: i32 = 12;

/** Where the parts of a table begin. By length: the first code that is too large, and what is added to a code to find its symbol. */
const LIMITS: usize = 0;
const OFFSETS: usize = 4 * 17;
/** uint8 [256]: what the codes stand for, in their order. */
const SYMBOLS: usize = 2 * OFFSETS;
/** uint16 [2 ** CODE_BITS]: length | symbol << 8; 0: the code is longer, or there is none. */
const CODES: usize = SYMBOLS + 256;
/** uint16 [2 ** bits] for each number of bits from 1 to RUN_BITS, so that the one for n bits begins at entry 2 ** n. */
const RUNS: usize = CODES + (2 << CODE_BITS);
export const TABLE_BYTES: usize = RUNS + (4 << RUN_BITS);

/** Fields of an entry of the runs: bits in all, with those that follow the last code, and how far the position in a block moves. */
const STEP_SHIFT: i32 = 5;
const LENGTH_MASK: i32 = (1 << STEP_SHIFT) - 1;
/** In the steps: the block ends after them, of which the last is none. */
const END: i32 = 1 << 8;
/** Steps of an entry without a whole code: more than any other. */
const NO_STEPS: i32 = 2047;

/**
 * Fills a table of {@link TABLE_BYTES}.
 *
 * @param spec uint8 [16]: how many codes there are of each length; then what they stand for, at most 256
 * @param largest of what they may stand for
 * @returns whether these are codes, of which none consists of ones only
 */
export function buildCodes(table: usize, spec: usize, largest: i32): bool {
  memory.fill(table + CODES, 0, 2 << CODE_BITS);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= MOST_BITS; length++, code <<= 1) {
    const field = table + ((<usize>length) << 2);
    const codes: i32 = load<u8>(spec + length - 1);
    if (code + codes >= 1 << length) return false;
    store<i32>(field, index - code, OFFSETS);
    for (const end = index + codes; index < end; index++, code++) {
      const symbol: i32 = load<u8>(spec + MOST_BITS + index);
      if (symbol > largest) return false;
      store<u8>(table + index, <u8>symbol, SYMBOLS);
      if (length > CODE_BITS) continue;
      const count = 1 << (CODE_BITS - length);
      fill(table + CODES + 2 * code * count, count, length | (symbol << 8));
    }
    store<i32>(field, code, LIMITS);
  }
  return true;
}

function fill(at: usize, count: i32, entry: i32): void {
  for (const end = at + 2 * count; at < end; at += 2) store<u16>(at, <u16>entry);
}

/** The code at the beginning of a window: length | symbol << 8; 0: there is none. */
export function codeAt(table: usize, window: u64): i32 {
  const entry: i32 = load<u16>(table + ((<usize>(window >>> (64 - CODE_BITS))) << 1), CODES);
  return entry !== 0 ? entry : longCodeAt(table, window);
}

function longCodeAt(table: usize, window: u64): i32 {
  for (let length = CODE_BITS + 1; length <= MOST_BITS; length++) {
    const code = <i32>(window >>> (64 - length));
    const field = table + ((<usize>length) << 2);
    if (code < load<i32>(field, LIMITS))
      return length | ((<i32>load<u8>(table + code + load<i32>(field, OFFSETS), SYMBOLS)) << 8);
  }
  return 0;
}

/**
 * Fills the runs of an AC table: how much may be passed over at once for the next bits. After a code and its number comes what the
 * bits hold which are left, so the runs for fewer bits are filled first.
 */
export function buildRuns(table: usize, spec: usize): void {
  const runs = table + RUNS;
  for (let bits = 1; bits <= RUN_BITS; bits++) {
    const end = runs + (4 << bits);
    let at = runs + (2 << bits);
    let symbols = spec + MOST_BITS;
    for (let length = 1; length <= bits; length++) {
      const count = 1 << (bits - length);
      for (let i = <i32>load<u8>(spec + length - 1); i > 0; i--, at += 2 * count) {
        const symbol: i32 = load<u8>(symbols++);
        const rest = bits - length - (symbol & 15);
        if (isEnd(symbol)) fill(at, count, length | ((END + 1) << STEP_SHIFT));
        else {
          const entry = (length + (symbol & 15)) | (((symbol >> 4) + 1) << STEP_SHIFT);
          if (rest <= 0) fill(at, count, entry);
          else fillSums(at, count, entry, runs + (2 << rest), (2 << rest) - 1);
        }
      }
    }
    fill(at, <i32>(end - at) >> 1, bits === RUN_BITS ? NO_STEPS << STEP_SHIFT : 0);
  }
}

/** Whether a code ends a block: it is neither followed by a number nor 16 zeros. */
export function isEnd(symbol: i32): bool {
  return (symbol & 15) === 0 && symbol !== 0xf0;
}

/** @param addends as many as `mask` + 1 bytes, which are added in turns */
function fillSums(at: usize, count: i32, entry: i32, addends: usize, mask: usize): void {
  for (let x: usize = 0; x < <usize>(2 * count); x += 2)
    store<u16>(at + x, <u16>(entry + <i32>load<u16>(addends + (x & mask))));
}

/**
 * Finds the end of a block's AC coefficients.
 *
 * @param first address of the first byte of the data
 * @param start bit at which they begin
 * @param window the bits from there on
 * @param windowEnd bit at which those end
 * @returns bit at which the coefficients end; negative: damaged
 */
export function passOver(table: usize, first: usize, start: i32, window: u64, windowEnd: i32): i32 {
  const runs = table + (2 << RUN_BITS);
  let position = start;
  let k = 1;
  while (k < 64) {
    let entry = 0;
    let next = 0;
    for (const last = windowEnd - RUN_BITS; position <= last; ) {
      entry = load<u16>(runs + ((<usize>(window >>> (64 - RUN_BITS))) << 1), RUNS);
      next = k + (entry >> STEP_SHIFT);
      if (next >= 64) break;
      k = next;
      position += entry & LENGTH_MASK;
      window <<= entry & LENGTH_MASK;
    }
    if (next >= 64) {
      if (next === 64 || (next >= END && next <= END + 64)) return position + (entry & LENGTH_MASK);
      // What lies beyond the last coefficient is the next block.
      const code = codeAt(table, windowAt(first, position));
      if (code === 0) return -1;
      const symbol = code >> 8;
      position += (code & 255) + (symbol & 15);
      if (isEnd(symbol)) return position;
      k += (symbol >> 4) + 1;
      if (k > 64) return -1;
    }
    window = windowAt(first, position);
    windowEnd = position + WINDOW_BITS;
  }
  return position;
}
