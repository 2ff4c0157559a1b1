/**
 * The inverse DCT of libjpeg, in the integer arithmetic of its `islow` method (Loeffler, Ligtenberg and Moschytz, 1989), to
 * blocks of 8, 4 or 2 samples on a side: what every decoder that is built on libjpeg gives, bit for bit.
 *
 * A coefficient is whole, and is multiplied by constants with 13 bits of fraction; after the columns 2 bits are kept. Products are
 * added up in pairs, for which constants that belong to the same coefficient are added beforehand: no sum is changed by that.
 */

/** Constants of the transform with 13 bits of fraction, in which 8192 is one. */
const FIX_0_211: i32 = 1730;
const FIX_0_298: i32 = 2446;
const FIX_0_390: i32 = 3196;
const FIX_0_509: i32 = 4176;
const FIX_0_541: i32 = 4433;
const FIX_0_601: i32 = 4926;
const FIX_0_720: i32 = 5906;
const FIX_0_765: i32 = 6270;
const FIX_0_850: i32 = 6967;
const FIX_0_899: i32 = 7373;
const FIX_1_061: i32 = 8697;
const FIX_1_175: i32 = 9633;
const FIX_1_272: i32 = 10426;
const FIX_1_451: i32 = 11893;
const FIX_1_501: i32 = 12299;
const FIX_1_847: i32 = 15137;
const FIX_1_961: i32 = 16069;
const FIX_2_053: i32 = 16819;
const FIX_2_172: i32 = 17799;
const FIX_2_562: i32 = 20995;
const FIX_3_072: i32 = 25172;
const FIX_3_624: i32 = 29692;

/** The block, int16 [8, 8]: dequantized coefficients at first. */
export const block: usize = memory.data(128, 16);

/**
 * Pictures have far smaller values before and after the columns. libjpeg adds pairs of them in 16 bits where the processor can,
 * and in 32 where not, and then gives something else.
 */
const RANGE: i32 = 1 << 14;
/** Whether a value was out of range since {@link resetRange}. */
let isOutOfRange = false;

export function resetRange(): void {
  isOutOfRange = false;
}

export function isInRange(): bool {
  return !isOutOfRange;
}

export function checkRange(value: i32): void {
  if (value < -RANGE || value >= RANGE) isOutOfRange = true;
}

/** Of the first rows of the block. */
function checkRows(count: usize): void {
  let above = row(0);
  let below = above;
  for (let y: usize = 1; y < count; y++) {
    above = i16x8.max_s(above, row(y));
    below = i16x8.min_s(below, row(y));
  }
  const isAbove = i16x8.ge_s(above, i16x8.splat(<i16>RANGE));
  if (v128.any_true(v128.or(isAbove, i16x8.lt_s(below, i16x8.splat(<i16>-RANGE))))) isOutOfRange = true;
}

/** The sample of a block, or all of its samples if nothing but its mean (DC) is not zero. */
export function meanSample(mean: i32): u8 {
  return <u8>min(max(128 + ((mean + 4) >> 3), 0), 255);
}

/**
 * Computes the samples of the block, which is overwritten.
 *
 * @param size samples on a side: 2, 4 or 8
 * @param to where the first of them goes
 * @param stride samples of a row there
 */
export function writeSamples(size: i32, to: usize, stride: usize): void {
  if (size === 8) {
    transform8(11, 0);
    checkRows(8);
    transpose();
    transform8(18, 128);
    transpose();
    for (let y: usize = 0; y < 8; y++) v128.store_lane<u64>(to + y * stride, bytes(row(y)), 0);
  } else if (size === 4) {
    transform4(12, 0);
    checkRows(4);
    transpose();
    transform4(19, 128);
    transpose();
    for (let y: usize = 0; y < 4; y++) v128.store_lane<u32>(to + y * stride, bytes(row(y)), 0);
  } else {
    transform2(13, 0);
    checkRows(2);
    transpose();
    transform2(20, 128);
    transpose();
    for (let y: usize = 0; y < 2; y++) v128.store_lane<u16>(to + y * stride, bytes(row(y)), 0);
  }
}

function bytes(samples: v128): v128 {
  return i8x16.narrow_i16x8_u(samples, samples);
}

function row(y: usize): v128 {
  return v128.load(block + (y << 4));
}

/** Pairs of the values of two rows: columns 0 to 3, and 4 to 7. */
function left(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

function right(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** Swaps rows and columns: each of the three steps moves a bit of a value's place from the column to the row. */
function transpose(): void {
  for (let i = 0; i < 3; i++) {
    const r0 = row(0);
    const r1 = row(1);
    const r2 = row(2);
    const r3 = row(3);
    const r4 = row(4);
    const r5 = row(5);
    const r6 = row(6);
    const r7 = row(7);
    v128.store(block, left(r0, r4));
    v128.store(block, right(r0, r4), 16);
    v128.store(block, left(r1, r5), 32);
    v128.store(block, right(r1, r5), 48);
    v128.store(block, left(r2, r6), 64);
    v128.store(block, right(r2, r6), 80);
    v128.store(block, left(r3, r7), 96);
    v128.store(block, right(r3, r7), 112);
  }
}

/** Results of a transformation, int32 [8, 8], before they become those of the block. */
const wide: usize = memory.data(256, 16);

function narrow(count: usize): void {
  for (let y: usize = 0; y < count; y++)
    v128.store(
      block + (y << 4),
      i16x8.narrow_i32x4_s(v128.load(wide + (y << 5)), v128.load(wide + (y << 5), 16)),
    );
}

/** The sums a * x + b * y of pairs of x and y. */
function products(pairs: v128, a: i32, b: i32): v128 {
  return i32x4.dot_i16x8_s(pairs, i32x4.splat((a & 0xffff) | (b << 16)));
}

/** What is added before `shift` bits are cut off: half of the last bit that is kept, and so much to the result. */
function rounding(shift: i32, add: i32): v128 {
  return i32x4.splat((add << shift) + (1 << (shift - 1)));
}

/** Writes the sum and the difference of the parts that even and odd coefficients have, as two of the results. */
function store2(at: usize, to: usize, mirrored: usize, even: v128, odd: v128, shift: i32): void {
  v128.store(at + (to << 5), i32x4.shr_s(i32x4.add(even, odd), shift));
  v128.store(at + (mirrored << 5), i32x4.shr_s(i32x4.sub(even, odd), shift));
}

/** The sum of the odd coefficients, each multiplied by its constant. */
function odd(c13: v128, c57: v128, k1: i32, k3: i32, k5: i32, k7: i32): v128 {
  return i32x4.add(products(c13, k1, k3), products(c57, k5, k7));
}

/**
 * Transforms columns to as many values.
 *
 * @param shift bits of a result that are rounded away
 * @param add to the results
 */
function transform8(shift: i32, add: i32): void {
  const half = rounding(shift, add);
  const r0 = row(0);
  const r1 = row(1);
  const r2 = row(2);
  const r3 = row(3);
  const r4 = row(4);
  const r5 = row(5);
  const r6 = row(6);
  const r7 = row(7);
  columns8(left(r0, r4), left(r2, r6), left(r1, r3), left(r5, r7), half, shift, wide);
  columns8(right(r0, r4), right(r2, r6), right(r1, r3), right(r5, r7), half, shift, wide + 16);
  narrow(8);
}

/**
 * Four of the columns.
 *
 * @param c04 coefficients 0 and 4 of each, as the others
 */
function columns8(c04: v128, c26: v128, c13: v128, c57: v128, half: v128, shift: i32, to: usize): void {
  const sum = i32x4.add(products(c04, 8192, 8192), half);
  const difference = i32x4.add(products(c04, 8192, -8192), half);
  const outer = products(c26, FIX_0_541 + FIX_0_765, FIX_0_541);
  const inner = products(c26, FIX_0_541, FIX_0_541 - FIX_1_847);
  // Shared by two of the coefficients.
  const k15 = FIX_1_175 - FIX_0_390;
  const k17 = FIX_1_175 - FIX_0_899;
  const k37 = FIX_1_175 - FIX_1_961;
  const k35 = FIX_1_175 - FIX_2_562;
  const odd0 = odd(c13, c57, FIX_1_501 + k15 - FIX_0_899, FIX_1_175, k15, k17);
  const odd1 = odd(c13, c57, FIX_1_175, FIX_3_072 + k35 - FIX_1_961, k35, k37);
  const odd2 = odd(c13, c57, k15, k35, FIX_2_053 + k35 - FIX_0_390, FIX_1_175);
  const odd3 = odd(c13, c57, k17, k37, FIX_1_175, FIX_0_298 + k17 - FIX_1_961);
  store2(to, 0, 7, i32x4.add(sum, outer), odd0, shift);
  store2(to, 1, 6, i32x4.add(difference, inner), odd1, shift);
  store2(to, 2, 5, i32x4.sub(difference, inner), odd2, shift);
  store2(to, 3, 4, i32x4.sub(sum, outer), odd3, shift);
}

/** Transforms columns to four values; the coefficient 4 has no part in them. */
function transform4(shift: i32, add: i32): void {
  const half = rounding(shift, add);
  const r0 = row(0);
  const r1 = row(1);
  const r2 = row(2);
  const r3 = row(3);
  const r5 = row(5);
  const r6 = row(6);
  const r7 = row(7);
  columns4(left(r0, r0), left(r2, r6), left(r1, r3), left(r5, r7), half, shift, wide);
  columns4(right(r0, r0), right(r2, r6), right(r1, r3), right(r5, r7), half, shift, wide + 16);
  narrow(4);
}

function columns4(c00: v128, c26: v128, c13: v128, c57: v128, half: v128, shift: i32, to: usize): void {
  const mean = i32x4.add(products(c00, 8192, 8192), half);
  const even = products(c26, FIX_1_847, -FIX_0_765);
  const odd0 = odd(c13, c57, FIX_2_562, FIX_0_899, -FIX_0_601, -FIX_0_509);
  const odd1 = odd(c13, c57, FIX_1_061, -FIX_2_172, FIX_1_451, -FIX_0_211);
  store2(to, 0, 3, i32x4.add(mean, even), odd0, shift);
  store2(to, 1, 2, i32x4.sub(mean, even), odd1, shift);
}

/** Transforms columns to two values, in which only the mean and the odd coefficients have a part. */
function transform2(shift: i32, add: i32): void {
  const half = rounding(shift, add);
  const r0 = row(0);
  const r1 = row(1);
  const r3 = row(3);
  const r5 = row(5);
  const r7 = row(7);
  columns2(left(r0, r0), left(r1, r3), left(r5, r7), half, shift, wide);
  columns2(right(r0, r0), right(r1, r3), right(r5, r7), half, shift, wide + 16);
  narrow(2);
}

function columns2(c00: v128, c13: v128, c57: v128, half: v128, shift: i32, to: usize): void {
  const mean = i32x4.add(products(c00, 16_384, 16_384), half);
  store2(to, 0, 1, mean, odd(c13, c57, FIX_3_624, -FIX_1_272, FIX_0_850, -FIX_0_720), shift);
}
