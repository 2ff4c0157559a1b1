import type { Preprocessing } from '../image/preprocessing.js';
import { findNearDuplicates } from './near-duplicates.js';
import type { SplitItem } from './splits.js';
import type { Spool } from './spool.js';

/** Longest side of the pictures that are compared: enough to tell drawings apart, and a kilobyte in memory. */
const LONGEST_SIDE = 32;

/**
 * The items, with a group for those whose pictures are the same or nearly so: on both sides of a split they would let a
 * model be tested on what it has seen. Items that have a group keep it.
 */
export async function groupRepeated<Item extends SplitItem>(
  items: readonly Item[],
  spool: Spool,
  shape: Pick<Preprocessing, 'width' | 'height' | 'channels'>,
): Promise<SplitItem[]> {
  const free = items.flatMap(({ group }, i) => (group === undefined ? [i] : []));
  if (free.length === 0) return [...items];
  const factor = Math.ceil(Math.max(shape.width, shape.height) / LONGEST_SIDE);
  const small = {
    width: Math.ceil(shape.width / factor),
    height: Math.ceil(shape.height / factor),
    channels: 1 as const,
  };
  const size = small.width * small.height;
  const pictures = new Uint8Array(free.length * size);
  let place = 0;
  await spool.rewind();
  for (const { group } of items) {
    const pixels = await spool.next(shape.width * shape.height * shape.channels);
    if (group === undefined) shrink(pixels, shape, factor, pictures.subarray(place * size, ++place * size));
  }
  const { cluster } = findNearDuplicates(pictures, free.length, small);
  const repeated = new Set(cluster.filter((index, i) => index !== i));
  const groups = new Map(
    free.flatMap((i, at) =>
      repeated.has(cluster[at]!) ? [[i, `pictures like ${items[free[cluster[at]!]!]!.source}`]] : [],
    ),
  );
  return items.map((item, i) => (groups.has(i) ? { ...item, group: groups.get(i)! } : item));
}

/** Means over blocks of `factor` x `factor` pixels and all channels; at the edges of what there is. */
function shrink(
  pixels: Uint8Array,
  { width, height, channels }: Pick<Preprocessing, 'width' | 'height' | 'channels'>,
  factor: number,
  out: Uint8Array,
): void {
  let at = 0;
  for (let top = 0; top < height; top += factor)
    for (let left = 0; left < width; left += factor) {
      const [bottom, right] = [Math.min(height, top + factor), Math.min(width, left + factor)];
      let sum = 0;
      for (let y = top; y < bottom; y++)
        for (let i = (y * width + left) * channels; i < (y * width + right) * channels; i++)
          sum += pixels[i]!;
      out[at++] = sum / ((bottom - top) * (right - left) * channels) + 0.5;
    }
}
