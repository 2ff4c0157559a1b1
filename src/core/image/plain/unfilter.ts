/**
 * Undoes the filters of PNG (ISO/IEC 15948, 9): each byte of a row was stored as the difference from what the bytes to the left,
 * above, and above to the left predict.
 *
 * @param rows uint8 [height, 1 + stride]: each row after the number of its filter
 * @param stride bytes of a row
 * @param pixelBytes bytes from a pixel to the next, at least 1
 * @returns uint8 [height, stride]; undefined for a filter that does not exist
 */
export function unfilter(rows: Uint8Array, stride: number, pixelBytes: number): Uint8Array | undefined {
  const height = rows.length / (stride + 1);
  const result = new Uint8Array(height * stride);
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    const from = y * (stride + 1) + 1;
    const stored = rows.subarray(from, from + stride);
    const row = result.subarray(y * stride, (y + 1) * stride);
    switch (rows[from - 1]) {
      case 0:
        row.set(stored);
        break;
      case 1:
        fromLeft(stored, row, pixelBytes);
        break;
      case 2:
        fromAbove(stored, row, above);
        break;
      case 3:
        fromAverage(stored, row, above, pixelBytes);
        break;
      case 4:
        fromPaeth(stored, row, above, pixelBytes);
        break;
      default:
        return undefined;
    }
    above = row;
  }
  return result;
}

function fromLeft(stored: Uint8Array, row: Uint8Array, pixelBytes: number): void {
  for (let x = 0; x < pixelBytes; x++) row[x] = stored[x]!;
  for (let x = pixelBytes; x < row.length; x++) row[x] = stored[x]! + row[x - pixelBytes]!;
}

function fromAbove(stored: Uint8Array, row: Uint8Array, above: Uint8Array): void {
  for (let x = 0; x < row.length; x++) row[x] = stored[x]! + above[x]!;
}

function fromAverage(stored: Uint8Array, row: Uint8Array, above: Uint8Array, pixelBytes: number): void {
  for (let x = 0; x < pixelBytes; x++) row[x] = stored[x]! + (above[x]! >> 1);
  for (let x = pixelBytes; x < row.length; x++)
    row[x] = stored[x]! + ((row[x - pixelBytes]! + above[x]!) >> 1);
}

/** The neighbour that is nearest to left + above - corner. */
function fromPaeth(stored: Uint8Array, row: Uint8Array, above: Uint8Array, pixelBytes: number): void {
  for (let x = 0; x < pixelBytes; x++) row[x] = stored[x]! + above[x]!;
  for (let x = pixelBytes; x < row.length; x++) {
    const left = row[x - pixelBytes]!;
    const up = above[x]!;
    const corner = above[x - pixelBytes]!;
    let toLeft = up - corner;
    let toUp = left - corner;
    let toCorner = toLeft + toUp;
    if (toLeft < 0) toLeft = -toLeft;
    if (toUp < 0) toUp = -toUp;
    if (toCorner < 0) toCorner = -toCorner;
    const nearest = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    row[x] = stored[x]! + nearest;
  }
}
