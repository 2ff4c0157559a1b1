/**
 * Averages of rows, as libvips computes them (`vips_shrinkv`).
 *
 * @param from uint8 [height, pitch]
 * @param length bytes of a row that count
 * @param box rows of which each average is taken; the last row again where they do not suffice
 * @param to uint8 [ceil(height / box), length]
 */
export function average(from: usize, pitch: usize, length: usize, height: i32, box: i32, to: usize): void {
  const amend = i32x4.splat(box >> 1);
  // Division as a multiplication: the highest 8 of 32 bits.
  const factor = i32x4.splat(0x1000000 / box);
  const last = from + <usize>(height - 1) * pitch;
  for (let top = 0; top < height; top += box, to += length) {
    const first = from + <usize>top * pitch;
    for (let x: usize = 0; x < length; x += 16) {
      let a = amend;
      let b = amend;
      let c = amend;
      let d = amend;
      for (let start = 0; start < box; start += MOST_IN_HALF) {
        let low = i16x8.splat(0);
        let high = i16x8.splat(0);
        for (let i = start; i < min(start + MOST_IN_HALF, box); i++) {
          const bytes = v128.load(min(first + <usize>i * pitch, last) + x);
          low = i16x8.add(low, i16x8.extend_low_i8x16_u(bytes));
          high = i16x8.add(high, i16x8.extend_high_i8x16_u(bytes));
        }
        a = i32x4.add(a, i32x4.extend_low_i16x8_u(low));
        b = i32x4.add(b, i32x4.extend_high_i16x8_u(low));
        c = i32x4.add(c, i32x4.extend_low_i16x8_u(high));
        d = i32x4.add(d, i32x4.extend_high_i16x8_u(high));
      }
      a = i32x4.shr_u(i32x4.mul(a, factor), 24);
      b = i32x4.shr_u(i32x4.mul(b, factor), 24);
      c = i32x4.shr_u(i32x4.mul(c, factor), 24);
      d = i32x4.shr_u(i32x4.mul(d, factor), 24);
      v128.store(to + x, asBytes(a, b, c, d));
    }
  }
}

/** Rows whose sum of bytes fits into 16 bits. */
const MOST_IN_HALF = 256;

/** Fixed point of weights: 12 bits. */
const WEIGHT_BITS = 12;

/**
 * Sums of weighted rows, rounded and clamped.
 *
 * @param from uint8 [height, pitch]
 * @param length bytes of a row that count
 * @param sums int32 [size, 2]: the first row of each sum, and the address of its weights; rows before the first and after the last
 *   are those
 * @param taps rows of a sum: even; the weights are int16 [taps], in fixed point
 * @param to uint8 [size, length]
 */
export function resample(
  from: usize,
  pitch: usize,
  length: usize,
  height: i32,
  sums: usize,
  taps: i32,
  size: i32,
  to: usize,
): void {
  const half = i32x4.splat(1 << (WEIGHT_BITS - 1));
  for (let y = 0; y < size; y++, sums += 8, to += length) {
    const first = load<i32>(sums);
    const weights = load<u32>(sums, 4);
    for (let x: usize = 0; x < length; x += 16) {
      let a = half;
      let b = half;
      let c = half;
      let d = half;
      // The bytes of two rows in turns, so that each of the products is a sum of two.
      for (let i = 0; i < taps; i += 2) {
        const pair = v128.load_splat<u32>(weights + ((<usize>i) << 1));
        const upper = v128.load(from + <usize>min(max(first + i, 0), height - 1) * pitch + x);
        const lower = v128.load(from + <usize>min(max(first + i + 1, 0), height - 1) * pitch + x);
        const low = i8x16.shuffle(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const high = i8x16.shuffle(
          upper,
          lower,
          8,
          24,
          9,
          25,
          10,
          26,
          11,
          27,
          12,
          28,
          13,
          29,
          14,
          30,
          15,
          31,
        );
        a = i32x4.add(a, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(low), pair));
        b = i32x4.add(b, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(low), pair));
        c = i32x4.add(c, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(high), pair));
        d = i32x4.add(d, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(high), pair));
      }
      a = i32x4.shr_s(a, WEIGHT_BITS);
      b = i32x4.shr_s(b, WEIGHT_BITS);
      c = i32x4.shr_s(c, WEIGHT_BITS);
      d = i32x4.shr_s(d, WEIGHT_BITS);
      v128.store(to + x, asBytes(a, b, c, d));
    }
  }
}

/** Sixteen values of 32 bits, clamped. */
function asBytes(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/**
 * Swaps rows and columns.
 *
 * @param from uint8 [height, width, bytes]
 * @param bytes of a pixel, at most 4
 * @param to uint8 [width, height, bytes]
 */
export function transpose(from: usize, pitch: usize, width: i32, height: i32, bytes: usize, to: usize): void {
  for (let x = 0; x < width; x++, from += bytes)
    for (let y = 0, at = from; y < height; y++, at += pitch, to += bytes)
      // What is too much is overwritten by the next pixel.
      if (bytes === 1) store<u8>(to, load<u8>(at));
      else store<u32>(to, load<u32>(at));
}
