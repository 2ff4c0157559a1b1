import { DisjointSets, groupBy } from '../../base/collections.js';
import type { Spool } from '../../base/storage/spool.js';
import type { Preprocessing } from '../../image/settings.js';
import { centroid, findInk, type PictureShape } from '../similarity/ink.js';
import { findNearDuplicates } from '../similarity/near-duplicates.js';
import type { SplitItem } from './cover-classes.js';

/** Longest side of the pictures that are compared: enough to tell drawings apart, and a kilobyte in memory. */
const LONGEST_SIDE = 32;

type Shape = Pick<Preprocessing, 'width' | 'height' | 'channels'>;

/** A sample whose picture can be told from others without looking at it. */
export interface HashedItem extends SplitItem {
  /** SHA-256 of the pixels. */
  readonly pixelHash: string;
}

/** Items whose groups hold all that belongs together. */
export interface Grouping {
  readonly items: readonly SplitItem[];
  /** Groups of the items that share pictures with another one, and became one with it. */
  readonly joinedGroups: number;
  /** Samples of the largest group that several became. */
  readonly largestJoined: number;
}

/**
 * The items in groups of those whose pictures are the same or nearly so: on both sides of a split they would let a model
 * be tested on what it has seen. Groups that share a picture become one. Items that `isFixed` have their split already;
 * they are left as they are.
 *
 * @returns groupings to try, one after the other. In the second one bars, dots and bows join no groups: many people draw
 *   the very same, so that they can tie everybody together.
 */
export async function groupRepeated(
  items: readonly HashedItem[],
  isFixed: (item: SplitItem) => boolean,
  spool: Spool,
  shape: Shape,
): Promise<Grouping[]> {
  const free = items.flatMap((item, i) => (isFixed(item) ? [] : [i]));
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
  for (const item of items) {
    const pixels = await spool.next(shape.width * shape.height * shape.channels);
    if (isFixed(item)) continue;
    shrink(pixels, shape, factor, pictures.subarray(place * size, ++place * size));
  }
  const { cluster } = findNearDuplicates(pictures, free.length, small);
  const exact = firstOfEach(free.map((i) => items[i]!.pixelHash));
  const isPlain = memoized((at) => isPlainMark(pictures.subarray(at * size, (at + 1) * size), small));
  const grouping = (joinsEqualMarks: boolean) =>
    joined(items, free, { cluster, exact, isPlain, joinsEqualMarks });
  return [grouping(true), grouping(false)];
}

interface Repeats {
  /** Of each free item the first one whose picture is nearly the same. */
  readonly cluster: Uint32Array;
  /** Of each free item the first one with the same pixels. */
  readonly exact: Uint32Array;
  readonly isPlain: (at: number) => boolean;
  readonly joinsEqualMarks: boolean;
}

function joined(
  items: readonly SplitItem[],
  free: readonly number[],
  { cluster, exact, isPlain, joinsEqualMarks }: Repeats,
): Grouping {
  const groupAt = (at: number) => items[free[at]!]!.group;
  const sets = new DisjointSets(firstOfEach(free.map((i, at) => items[i]!.group ?? at)));
  const join = (a: number, b: number) => sets.joined(a, b) || sets.join(a, b);
  for (const at of free.keys()) {
    const near = cluster[at]!;
    const isDrawnAlike = groupAt(at) !== undefined && groupAt(near) !== undefined && isPlain(near);
    if (near !== at && !isDrawnAlike) join(near, at);
    if (exact[at] !== at && joinsEqualMarks) join(exact[at]!, at);
  }
  const roots = sets.roots();
  const members = groupBy(roots.keys(), (at) => roots[at]);
  const grouped = [...items];
  let [joinedGroups, largestJoined] = [0, 0];
  for (const [root, places] of members) {
    const groups = new Set(places.flatMap((at) => groupAt(at) ?? []));
    if (places.length === 1 || (groups.size === 1 && places.every((at) => groupAt(at) !== undefined)))
      continue;
    const [group = `pictures like ${items[free[root]!]!.source}`] = groups;
    for (const at of places) grouped[free[at]!] = { ...items[free[at]!]!, group };
    if (groups.size < 2) continue;
    joinedGroups += groups.size;
    largestJoined = Math.max(largestJoined, places.length);
  }
  return { items: grouped, joinedGroups, largestJoined };
}

/** Of each place the first one with the same value. */
function firstOfEach(values: readonly (string | number)[]): Uint32Array {
  const firsts = new Map<string | number, number>();
  return Uint32Array.from(values, (value, at) => {
    const first = firsts.get(value);
    if (first === undefined) firsts.set(value, at);
    return first ?? at;
  });
}

function memoized(of: (at: number) => boolean): (at: number) => boolean {
  const known = new Map<number, boolean>();
  return (at) => {
    const value = known.get(at) ?? of(at);
    known.set(at, value);
    return value;
  };
}

/** How many pictures are in an earlier split, too, pixel for pixel: those that a model is tested on and trained on. */
export function countShared(items: readonly HashedItem[], assigned: Uint8Array): number {
  const earliest = new Map<string, number>();
  for (const [i, { pixelHash }] of items.entries())
    earliest.set(pixelHash, Math.min(assigned[i]!, earliest.get(pixelHash) ?? assigned[i]!));
  return items.filter(({ pixelHash }, i) => earliest.get(pixelHash)! < assigned[i]!).length;
}

/** Means over blocks of `factor` x `factor` pixels and all channels; at the edges of what there is. */
function shrink(
  pixels: Uint8Array,
  { width, height, channels }: Shape,
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

/** Spread of the ink across its line, as a share of the picture's shorter side: 2 pixels of 28. */
const NARROW = 0.07;
/** Spread along the line of a dot, as such a share; and of anything longer, by that across. */
const SHORT = 0.09;
const STRETCHED = 4;

/**
 * Whether a picture is no more than a dot, a bar or a flat bow: ink that strays little from one line. People who draw
 * such a mark often draw the very same pixels, so that two alike are no sign of a copy.
 *
 * @param picture uint8, [height, width, channels]
 */
export function isPlainMark(picture: Uint8Array, shape: PictureShape): boolean {
  const { width, height } = shape;
  const ink = new Float32Array(width * height);
  findInk(picture, shape, ink);
  const { x, y, total } = centroid(ink, width);
  if (total === 0) return true;
  let [xx, xy, yy] = [0, 0, 0];
  for (let i = 0; i < ink.length; i++) {
    const [right, down] = [(i % width) - x, Math.floor(i / width) - y];
    xx += (ink[i]! * right * right) / total;
    xy += (ink[i]! * right * down) / total;
    yy += (ink[i]! * down * down) / total;
  }
  // The eigenvalues of the covariance are the variances across the line that fits best, and along it.
  const half = Math.hypot(xx - yy, 2 * xy) / 2;
  const across = Math.sqrt(Math.max(0, (xx + yy) / 2 - half));
  const along = Math.sqrt((xx + yy) / 2 + half);
  const side = Math.min(width, height);
  return across <= NARROW * side && (along <= SHORT * side || along >= STRETCHED * across);
}
