import { findNearDuplicates } from '../similarity/near-duplicates.js';
import type { FoundSample } from './subject.js';
import { foundSample, type Subject, type SubjectSplit } from './subject.js';

/** One of several samples that show the same picture. */
export interface Repeat {
  readonly split: SubjectSplit;
  readonly index: number;
  readonly label: number;
  /** Equal for equal pixels. */
  readonly pixels: number;
}

/** Samples of all splits with the same picture, exactly or nearly; those of train first. At least two. */
export type RepeatCluster = readonly Repeat[];

/** Looks for repeats over all splits at once, once for all checks. */
export function findRepeats({ manifest, splits }: Subject): RepeatCluster[] {
  const count = splits.reduce((sum, split) => sum + split.count, 0);
  const images = new Uint8Array(splits.reduce((sum, split) => sum + split.images.length, 0));
  let start = 0;
  for (const split of splits) {
    images.set(split.images, start);
    start += split.images.length;
  }
  const { cluster, exact } = findNearDuplicates(images, count, manifest.preprocessing);
  const clusters = new Map<number, Repeat[]>();
  let i = 0;
  for (const split of splits)
    for (let index = 0; index < split.count; index++, i++) {
      const repeat = { split, index, label: split.labels[index]!, pixels: exact[i]! };
      const known = clusters.get(cluster[i]!);
      if (known) known.push(repeat);
      else clusters.set(cluster[i]!, [repeat]);
    }
  return [...clusters.values()].filter(({ length }) => length > 1);
}

/** A sample beside the one that it repeats. */
export function foundRepeat(subject: Subject, { split, index }: Repeat, like: Repeat): FoundSample {
  const label = subject.manifest.classes[like.label]!;
  const detail = `same as ${like.split.split} ${like.index} ("${label}")`;
  return {
    ...foundSample(subject, split, index, detail),
    like: { split: like.split.split, index: like.index },
  };
}
