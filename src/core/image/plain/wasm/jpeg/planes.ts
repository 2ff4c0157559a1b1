/** The planes of a JPEG as pixels, as libjpeg makes them. */

/**
 * Twice as many samples of chroma across, or across and down, by a triangular filter, of which halves are rounded up and down in
 * turns.
 *
 * @param from uint8 [height, pitch]
 * @param across 1 or 2
 * @param down 1 or 2
 * @param sums int32 [width + 2], in which sums of two rows are kept
 * @param to uint8 [height * down, width * across]
 */
export function upsample(
  from: usize,
  pitch: usize,
  width: i32,
  height: i32,
  across: i32,
  down: i32,
  sums: usize,
  to: usize,
): void {
  for (let y = 0; y < height * down; y++) {
    const row = y / down;
    const near = from + <usize>row * pitch;
    // Three quarters of a row and a quarter of its neighbour, in which one is four; there is no other where rows are kept.
    const beside = down === 1 ? row : min(max(row + 2 * (y & 1) - 1, 0), height - 1);
    addRows(near, from + <usize>beside * pitch, width, sums + 4);
    if (across === 1) to = storeRow(sums + 4, width, 1 + (y & 1), to);
    else to = storeTwice(sums + 4, width, down === 1 ? 4 : 8, down === 1 ? 8 : 7, to);
  }
}

function addRows(near: usize, far: usize, width: i32, sums: usize): void {
  for (let x: usize = 0; x < <usize>width; x++)
    store<i32>(sums + (x << 2), 3 * <i32>load<u8>(near + x) + <i32>load<u8>(far + x));
}

function storeRow(sums: usize, width: i32, add: i32, to: usize): usize {
  for (const end = to + width; to < end; to++, sums += 4) store<u8>(to, <u8>((load<i32>(sums) + add) >> 2));
  return to;
}

function storeTwice(sums: usize, width: i32, left: i32, right: i32, to: usize): usize {
  // The neighbours of the first and of the last are these again.
  store<i32>(sums - 4, load<i32>(sums));
  store<i32>(sums + ((<usize>width) << 2), load<i32>(sums + ((<usize>(width - 1)) << 2)));
  for (const end = to + 2 * width; to < end; to += 2, sums += 4) {
    const sum = 3 * load<i32>(sums);
    store<u8>(to, <u8>((sum + load<i32>(sums - 4) + left) >> 4));
    store<u8>(to + 1, <u8>((sum + load<i32>(sums + 4) + right) >> 4));
  }
  return to;
}

/**
 * The same samples again.
 *
 * @param from uint8 [height, pitch]
 * @param to uint8 [height * down, width * across]
 */
export function repeat(
  from: usize,
  pitch: usize,
  width: i32,
  height: i32,
  across: i32,
  down: i32,
  to: usize,
): void {
  for (let y = 0; y < height * down; y++) {
    const row = from + <usize>(y / down) * pitch;
    for (let x = 0; x < width * across; x++, to++) store<u8>(to, load<u8>(row + x / across));
  }
}

/**
 * Luma and chromas as pixels (JFIF 1.02, 7), in fixed point of 16 bits.
 *
 * @param luma uint8 [height, lumaPitch], as the chromas with a pitch of theirs
 * @param to uint8 [height, width, 3]
 */
export function toPixels(
  luma: usize,
  lumaPitch: usize,
  blue: usize,
  bluePitch: usize,
  red: usize,
  redPitch: usize,
  width: i32,
  height: i32,
  to: usize,
): void {
  for (let y = 0; y < height; y++, luma += lumaPitch, blue += bluePitch, red += redPitch, to += 3 * width)
    for (let x = 0; x < width; x += 8) {
      const light = v128.load_ext<u8>(luma + x);
      const blues = i16x8.sub(v128.load_ext<u8>(blue + x), i16x8.splat(128));
      const reds = i16x8.sub(v128.load_ext<u8>(red + x), i16x8.splat(128));
      // 1.402; -0.34414 and -0.71414; 1.772: what is beyond 16 bits is added as a whole.
      const r = i16x8.add(i16x8.add(light, reds), weighted(blues, reds, 0, 91_881 - 65_536));
      const g = i16x8.add(i16x8.sub(light, reds), weighted(blues, reds, -22_554, 65_536 - 46_802));
      const b = i16x8.add(i16x8.add(light, i16x8.shl(blues, 1)), weighted(blues, reds, 116_130 - 131_072, 0));
      const redGreen = i8x16.narrow_i16x8_u(r, g);
      const blueBlue = i8x16.narrow_i16x8_u(b, b);
      // Four pixels; what is too much is overwritten by the next ones.
      const at = to + 3 * x;
      v128.store(at, i8x16.shuffle(redGreen, blueBlue, 0, 8, 16, 1, 9, 17, 2, 10, 18, 3, 11, 19, 0, 0, 0, 0));
      if (x + 4 < width)
        v128.store(
          at + 12,
          i8x16.shuffle(redGreen, blueBlue, 4, 12, 20, 5, 13, 21, 6, 14, 22, 7, 15, 23, 0, 0, 0, 0),
        );
    }
}

/** int16 [8]: blue * a + red * b, in fixed point, rounded. */
function weighted(blues: v128, reds: v128, a: i32, b: i32): v128 {
  const weights = i32x4.splat((a & 0xffff) | (b << 16));
  const half = i32x4.splat(1 << 15);
  const low = i32x4.dot_i16x8_s(i16x8.shuffle(blues, reds, 0, 8, 1, 9, 2, 10, 3, 11), weights);
  const high = i32x4.dot_i16x8_s(i16x8.shuffle(blues, reds, 4, 12, 5, 13, 6, 14, 7, 15), weights);
  return i16x8.narrow_i32x4_s(i32x4.shr_s(i32x4.add(low, half), 16), i32x4.shr_s(i32x4.add(high, half), 16));
}
