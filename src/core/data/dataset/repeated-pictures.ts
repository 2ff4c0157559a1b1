import { DisjointSets, groupBy } from '../../base/collections.js';
import type { Spool } from '../../base/storage/spool.js';
import type { Preprocessing } from '../../image/settings.js';
import { findManyNearDuplicates } from '../similarity/near-duplicates.js';
import { isPlainMark } from '../similarity/plain-mark.js';
import type { SplitItem } from './cover-classes.js';

/** Longest side of the pictures that are compared: enough to tell drawings apart, and a kilobyte in memory. */
const LONGEST_SIDE = 32;

type Shape = Pick<Preprocessing, 'width' | 'height' | 'channels'>;

/** A sample whose picture is known by its hash. */
export interface HashedItem extends SplitItem {
  /** SHA-256 of the pixels. */
  readonly pixelHash: string;
  /** Where the pixels are in the spool. */
  readonly at: number;
}

/** Items in whose groups everything is that belongs together. */
export interface Grouping {
  readonly items: readonly SplitItem[];
  /** Groups that share pictures with another one and were joined with it. */
  readonly joinedGroups: number;
  /** Samples of the largest group that came of joining others. */
  readonly largestJoined: number;
}

/**
 * Groups items whose pictures are the same or nearly the same: in different splits they would let a model be tested on what
 * it has seen. Groups that share a picture are joined. Items for which `isFixed` holds have their split already and are left
 * as they are.
 *
 * @returns groupings to try one after the other. In the second one bars, dots and bows join no groups: many people draw the
 *   very same ones, so that they could tie all groups together.
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
  const pictures = new Uint8Array(new SharedArrayBuffer(free.length * size));
  for (const [number, i] of free.entries()) {
    const pixels = await spool.read(items[i]!.at, shape.width * shape.height * shape.channels);
    if (factor === 1 && shape.channels === 1) pictures.set(pixels, number * size);
    else shrink(pixels, shape, factor, pictures.subarray(number * size, (number + 1) * size));
  }
  const { cluster } = await findManyNearDuplicates(pictures, free.length, small);
  const exact = firstOfEach(free.map((i) => items[i]!.pixelHash));
  const isPlain = memoized((at) => isPlainMark(pictures.subarray(at * size, (at + 1) * size), small));
  const grouping = (joinsEqualMarks: boolean) =>
    joinGroups(items, free, { cluster, exact, isPlain, joinsEqualMarks });
  return [grouping(true), grouping(false)];
}

interface Repeats {
  /** For each free item the first one whose picture is nearly the same. */
  readonly cluster: Uint32Array;
  /** For each free item the first one with the same pixels. */
  readonly exact: Uint32Array;
  readonly isPlain: (at: number) => boolean;
  readonly joinsEqualMarks: boolean;
}

function joinGroups(
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
  for (const [root, joinedItems] of members) {
    const groups = new Set(joinedItems.flatMap((at) => groupAt(at) ?? []));
    if (
      joinedItems.length === 1 ||
      (groups.size === 1 && joinedItems.every((at) => groupAt(at) !== undefined))
    )
      continue;
    const [group = `pictures like ${items[free[root]!]!.source}`] = groups;
    for (const at of joinedItems) grouped[free[at]!] = { ...items[free[at]!]!, group };
    if (groups.size < 2) continue;
    joinedGroups += groups.size;
    largestJoined = Math.max(largestJoined, joinedItems.length);
  }
  return { items: grouped, joinedGroups, largestJoined };
}

/** For each index the first one with the same value. */
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

/** How many pictures are also in an earlier split, pixel for pixel, so that a model would be tested on what it has seen. */
export function countShared(items: readonly HashedItem[], assigned: Uint8Array): number {
  const earliest = new Map<string, number>();
  for (const [i, { pixelHash }] of items.entries())
    earliest.set(pixelHash, Math.min(assigned[i]!, earliest.get(pixelHash) ?? assigned[i]!));
  return items.filter(({ pixelHash }, i) => earliest.get(pixelHash)! < assigned[i]!).length;
}

/** Means over blocks of `factor` x `factor` pixels and all channels; smaller ones at the edges. */
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
