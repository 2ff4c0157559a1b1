/**
 * Thinning to lines of one pixel, by taking pixels off the four sides in turn as long as that changes neither the
 * parts nor the holes nor the ends of lines (Rosenfeld, "A characterization of parallel thinning algorithms",
 * Information and Control 29, 1975; in order instead of at once, so that small dots never vanish).
 */

/** By the eight neighbours as bits, around the pixel from the right: whether it can go. */
const REMOVABLE = Uint8Array.from({ length: 256 }, (_, ring) => (isRemovable(ring) ? 1 : 0));

/** Whether a pixel is no end of a line, and its neighbours stay connected as they are without it. */
function isRemovable(ring: number): boolean {
  const has = (place: number) => (ring >> (place & 7)) & 1;
  let count = 0;
  let parts = 0;
  for (let place = 0; place < 8; place++) count += has(place);
  // Yokoi's connectivity number, for ink that is connected over corners too.
  for (let place = 0; place < 8; place += 2)
    parts += 1 - has(place) - (1 - has(place)) * (1 - has(place + 1)) * (1 - has(place + 2));
  return count > 1 && parts === 1;
}

/** Scratch memory, written anew by every call. */
let candidates = new Int32Array(0);

/**
 * Thins the ink of a mask (1: ink) in place. The mask has a border of one empty pixel on every side.
 *
 * @param stride bytes of a row
 * @param ink the places of all ink, in order of the rows; what is left of them lies at the front afterwards
 * @param count how many of them there are
 * @returns how many places are left
 */
export function thin(mask: Uint8Array, stride: number, ink: Int32Array, count: number): number {
  if (candidates.length < count) candidates = new Int32Array(ink.length);
  const sides = [1, -stride, -1, stride];
  let left = count;
  for (let quiet = 0, turn = 0; quiet < 4; turn++) {
    const removed = peel(mask, stride, ink, left, sides[turn & 3]!);
    quiet = removed > 0 ? 0 : quiet + 1;
    if (removed > 0) left = keepInk(mask, ink, left);
  }
  return left;
}

/** Takes off what is open to one side at the beginning, and gives how many pixels went. */
function peel(mask: Uint8Array, stride: number, ink: Int32Array, count: number, side: number): number {
  const toSide = side | 0;
  const row = stride | 0;
  const open = candidates;
  let found = 0;
  for (let i = 0; i < count; i++) {
    const place = ink[i]!;
    if (mask[(place + toSide) | 0] === 0) open[found++] = place;
  }
  let removed = 0;
  for (let i = 0; i < found; i++) {
    const place = open[i]!;
    const above = (place - row) | 0;
    const below = (place + row) | 0;
    // Around the pixel from the right, against the clock.
    const ring =
      mask[(place + 1) | 0]! |
      (mask[(above + 1) | 0]! << 1) |
      (mask[above]! << 2) |
      (mask[(above - 1) | 0]! << 3) |
      (mask[(place - 1) | 0]! << 4) |
      (mask[(below - 1) | 0]! << 5) |
      (mask[below]! << 6) |
      (mask[(below + 1) | 0]! << 7);
    if (REMOVABLE[ring] === 0) continue;
    mask[place] = 0;
    removed++;
  }
  return removed;
}

function keepInk(mask: Uint8Array, ink: Int32Array, count: number): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const place = ink[i]!;
    if (mask[place] === 1) ink[kept++] = place;
  }
  return kept;
}
