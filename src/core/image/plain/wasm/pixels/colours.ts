/**
 * Samples of a row of bits as entries of a table.
 *
 * @param depth bits of a sample: 1, 2, 4 or 8
 * @param table uint32 [256], of which the lowest `bytes` bytes of an entry are taken
 * @param bytes 1 or 4
 * @param to uint8 [height, width, bytes]
 * @returns the largest of the samples
 */
export function lookUp(
  from: usize,
  pitch: usize,
  width: i32,
  height: i32,
  depth: i32,
  table: usize,
  bytes: usize,
  to: usize,
): i32 {
  const mask = (1 << depth) - 1;
  let largest = 0;
  for (let y = 0; y < height; y++, from += pitch)
    for (let bit = 0, end = width * depth; bit < end; bit += depth, to += bytes) {
      const sample = (<i32>load<u8>(from + (bit >> 3)) >> (8 - depth - (bit & 7))) & mask;
      const entry = load<u32>(table + ((<usize>sample) << 2));
      if (bytes === 1) store<u8>(to, <u8>entry);
      else store<u32>(to, entry);
      largest = max(largest, sample);
    }
  return largest;
}

/**
 * Lays colours with transparency on a colour, in place, as libvips does: the division is rounded down. The fourth byte of a pixel
 * means nothing afterwards.
 *
 * @param at uint8 [height, width, 4]: red, green, blue, and how opaque (255: wholly)
 * @param background its red, green and blue from the lowest byte
 */
export function flatten(at: usize, pitch: usize, width: i32, height: i32, background: u32): void {
  const opaque = i32x4.splat(0xff000000);
  const behind = i16x8.extend_low_i8x16_u(i32x4.splat(background));
  const end = (<usize>(width & ~3)) << 2;
  for (let y = 0; y < height; y++, at += pitch) {
    let x: usize = 0;
    for (; x < end; x += 16) {
      const pixels = v128.load(at + x);
      if (i32x4.all_true(i32x4.eq(v128.and(pixels, opaque), opaque))) continue;
      v128.store(at + x, laidOn(pixels, behind));
    }
    for (; x < (<usize>width) << 2; x += 4)
      v128.store_lane<u32>(at + x, laidOn(v128.load_zero<u32>(at + x), behind), 0);
  }
}

function laidOn(pixels: v128, behind: v128): v128 {
  const alpha = i8x16.shuffle(pixels, pixels, 3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11, 15, 15, 15, 15);
  return i8x16.narrow_i16x8_u(
    over(i16x8.extend_low_i8x16_u(pixels), behind, i16x8.extend_low_i8x16_u(alpha)),
    over(i16x8.extend_high_i8x16_u(pixels), behind, i16x8.extend_high_i8x16_u(alpha)),
  );
}

/** Of 16 bits each, as all that it computes. */
function over(values: v128, behind: v128, alpha: v128): v128 {
  const clear = i16x8.sub(i16x8.splat(255), alpha);
  const sum = i16x8.add(i16x8.mul(values, alpha), i16x8.mul(behind, clear));
  // sum / 255 for every sum below 65,536.
  return i16x8.shr_u(i16x8.add(i16x8.add(sum, i16x8.splat(1)), i16x8.shr_u(sum, 8)), 8);
}

/**
 * Lays grey with transparency on a grey.
 *
 * @param from uint8 [height, width, 2]: grey, and how opaque
 * @param to uint8 [height, width]
 */
export function flattenGrey(
  from: usize,
  pitch: usize,
  width: i32,
  height: i32,
  background: i32,
  to: usize,
): void {
  const byte = i16x8.splat(255);
  const behind = i16x8.splat(<i16>background);
  for (let y = 0; y < height; y++, from += pitch, to += width)
    for (let x = 0; x < width; x += 8) {
      const pixels = v128.load(from + ((<usize>x) << 1));
      const grey = over(v128.and(pixels, byte), behind, i16x8.shr_u(pixels, 8));
      v128.store_lane<u64>(to + x, i8x16.narrow_i16x8_u(grey, grey), 0);
    }
}

/**
 * Whether red, green and blue of each pixel are the same.
 *
 * @param bytes 3 or 4, of a pixel
 */
export function isGrey(at: usize, pitch: usize, width: i32, height: i32, bytes: i32): bool {
  // Which bytes have to be like the next one, of whole pixels in a vector.
  const expected = bytes === 3 ? 0b011011011011011 : 0b0011001100110011;
  const step: usize = bytes === 3 ? 15 : 16;
  const length = <usize>(width * bytes);
  for (let y = 0; y < height; y++, at += pitch)
    for (let x: usize = 0; x < length; x += step) {
      const same = i8x16.bitmask(i8x16.eq(v128.load(at + x), v128.load(at + x + 1)));
      // Without those that lie beyond the row.
      const rest = length - x;
      const inside = rest < step ? expected & ((1 << (<i32>rest)) - 1) : expected;
      if ((same & inside) !== inside) return false;
    }
  return true;
}

/**
 * Copies the first bytes of each pixel.
 *
 * @param from uint8 [height, width, bytes]
 * @param to uint8 [height, width, kept]
 * @param kept at most 4
 */
export function copyPixels(
  from: usize,
  pitch: usize,
  width: i32,
  height: i32,
  bytes: usize,
  to: usize,
  kept: usize,
): void {
  for (let y = 0; y < height; y++, from += pitch) {
    const end = from + <usize>width * bytes;
    if (kept === 1) for (let at = from; at < end; at += bytes, to++) store<u8>(to, load<u8>(at));
    // What is too much is overwritten by the next pixel.
    else for (let at = from; at < end; at += bytes, to += kept) store<u32>(to, load<u32>(at));
  }
}
