/**
 * The compressed data of a JPEG as bits (ITU-T T.81, B.1.1.5): bytes lie backwards in memory, so that a word as WebAssembly loads
 * it, lowest byte first, has the next bits at its top.
 */

/** Bits of a window that count. */
export const WINDOW_BITS: i32 = 57;
/** Zeros after the data: more than a block can take, so that one which begins inside is read inside. */
export const PADDING: i32 = 512;
const END_OF_IMAGE: i32 = 0xd9;
const FIRST_RESTART: i32 = 0xd0;

/**
 * The next bits, from the highest on.
 *
 * @param first address of the first byte
 * @param position of the first of the bits
 */
export function windowAt(first: usize, position: i32): u64 {
  return load<u64>(first - (position >>> 3) - 7) << (position & 7);
}

/**
 * Leaves out the zeros that are put after each byte of ones, and the markers.
 *
 * @param from compressed data
 * @param length bytes to the end of the file
 * @param first where the first byte goes; `length` and {@link PADDING} bytes below it are overwritten
 * @param ends int32 [parts]: where each part between restarts ends, in bytes
 * @returns whether the image ends after that many parts
 */
export function unstuff(from: usize, length: i32, first: usize, ends: usize, parts: i32): bool {
  const stop = from + length;
  let to = first;
  let part = 0;
  for (let at = from; ; at += 2) {
    for (; at + 16 <= stop; at += 16, to -= 16) {
      const bytes = v128.load(at);
      if (v128.any_true(i8x16.eq(bytes, i8x16.splat(-1)))) break;
      v128.store(to - 15, i8x16.swizzle(bytes, i8x16(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)));
    }
    while (at < stop && load<u8>(at) !== 0xff) store<u8>(to--, load<u8>(at++));
    if (at + 1 >= stop) return false;
    const marker: i32 = load<u8>(at + 1);
    if (marker === 0) {
      store<u8>(to--, 0xff);
      continue;
    }
    if (part === parts) return false;
    store<i32>(ends + ((<usize>part) << 2), <i32>(first - to));
    part++;
    if (marker === END_OF_IMAGE) break;
    if (marker !== FIRST_RESTART + ((part - 1) & 7)) return false;
  }
  memory.fill(to - PADDING + 1, 0, PADDING);
  return part === parts;
}
