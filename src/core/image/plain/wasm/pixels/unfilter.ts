/**
 * Undoes the filters of PNG (ISO/IEC 15948, 9) in place: each byte of a row was stored as the difference from what the bytes to
 * the left, above, and above to the left predict.
 *
 * @param rows uint8 [height, 1 + stride]: each row after the number of its filter
 * @param stride bytes of a row
 * @param pixelBytes bytes from a pixel to the next, 1 to 4
 * @param above uint8 [stride]: zeros, which lie above the first row
 * @returns whether all of the filters exist
 */
export function unfilter(rows: usize, stride: usize, height: i32, pixelBytes: usize, above: usize): bool {
  for (let y = 0; y < height; y++) {
    const row = rows + <usize>y * (stride + 1) + 1;
    const end = row + stride;
    switch (load<u8>(row - 1)) {
      case 0:
        break;
      case 1:
        fromLeft(row, end, pixelBytes);
        break;
      case 2:
        fromAbove(row, end, above);
        break;
      case 3:
        fromAverage(row, end, above, pixelBytes);
        break;
      case 4:
        fromPaeth(row, end, above, pixelBytes);
        break;
      default:
        return false;
    }
    above = row;
  }
  return true;
}

// Each pixel follows from the one before: a vector holds one of them, in its lowest bytes.

function fromLeft(row: usize, end: usize, pixelBytes: usize): void {
  let left = i8x16.splat(0);
  for (let at = row; at < end; at += pixelBytes) {
    left = i8x16.add(v128.load_zero<u32>(at), left);
    storePixel(at, left, pixelBytes);
  }
}

function fromAbove(row: usize, end: usize, above: usize): void {
  let at = row;
  for (; at + 16 <= end; at += 16, above += 16) v128.store(at, i8x16.add(v128.load(at), v128.load(above)));
  for (; at < end; at++, above++) store<u8>(at, load<u8>(at) + load<u8>(above));
}

function fromAverage(row: usize, end: usize, above: usize, pixelBytes: usize): void {
  const one = i8x16.splat(1);
  let left = i8x16.splat(0);
  for (let at = row; at < end; at += pixelBytes, above += pixelBytes) {
    const up = v128.load_zero<u32>(above);
    // The average of vectors is rounded up, that of PNG down.
    const average = i8x16.sub(i8x16.avgr_u(left, up), v128.and(v128.xor(left, up), one));
    left = i8x16.add(v128.load_zero<u32>(at), average);
    storePixel(at, left, pixelBytes);
  }
}

/** From the neighbour that is nearest to left + above - corner. */
function fromPaeth(row: usize, end: usize, above: usize, pixelBytes: usize): void {
  const byte = i16x8.splat(255);
  let left = i16x8.splat(0);
  let corner = i16x8.splat(0);
  for (let at = row; at < end; at += pixelBytes, above += pixelBytes) {
    const up = i16x8.extend_low_i8x16_u(v128.load_zero<u32>(above));
    const across = i16x8.sub(up, corner);
    const down = i16x8.sub(left, corner);
    const toLeft = i16x8.abs(across);
    const toUp = i16x8.abs(down);
    const toCorner = i16x8.abs(i16x8.add(across, down));
    const least = i16x8.min_s(toCorner, i16x8.min_s(toLeft, toUp));
    const upOrCorner = v128.bitselect(up, corner, i16x8.eq(least, toUp));
    const nearest = v128.bitselect(left, upOrCorner, i16x8.eq(least, toLeft));
    left = v128.and(i16x8.add(i16x8.extend_low_i8x16_u(v128.load_zero<u32>(at)), nearest), byte);
    storePixel(at, i8x16.narrow_i16x8_u(left, left), pixelBytes);
    corner = up;
  }
}

function storePixel(at: usize, pixel: v128, bytes: usize): void {
  if (bytes === 4) v128.store_lane<u32>(at, pixel, 0);
  else if (bytes === 1) v128.store_lane<u8>(at, pixel, 0);
  else {
    v128.store_lane<u16>(at, pixel, 0);
    if (bytes === 3) v128.store_lane<u8>(at + 2, pixel, 2);
  }
}
