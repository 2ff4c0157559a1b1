import { basename, extname } from 'node:path';
import type { SampleProvenance } from '../dataset/format.js';
import type { SubjectSplit } from './subject.js';

/** The sources that the samples of a split came from. */
export interface SampleSources {
  /** Two at least. */
  readonly names: readonly string[];
  /** uint16, [count]: indices into the names. */
  readonly of: Uint16Array;
}

/** File names tell sources apart only when they make this few. */
const MAX_STEMS = 20;
/** The part of an even share that each of these must have. */
const FAIR_SHARE = 1 / 4;
/** The part of a source's samples that must be of other classes than its largest: a name of a class is no source. */
const OTHER_CLASSES = 0.05;

/**
 * Where samples came from: the data set that each was taken from, or else the names of their files without numbers,
 * such as `photo` and `scan` for `photo_1.png` and `scan_17.png`.
 *
 * @returns undefined when all came from one source, or names tell nothing
 */
export function sourcesOf(split: SubjectSplit): SampleSources | undefined {
  const origins = indexNames(split.provenance.map(({ origin }) => origin ?? ''));
  if (origins.names.length > 1) return origins;
  const stems = indexNames(split.provenance.map(stemOf));
  return isPlausible(stems, split) ? stems : undefined;
}

/** The name of a file without its number, extension and folder. */
function stemOf({ source }: SampleProvenance): string {
  const file = basename(source.replace(/#\d+$/, ''));
  return file
    .slice(0, file.length - extname(file).length)
    .replaceAll(/\d+/g, '')
    .replaceAll(/[-_.\s()]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

function indexNames(names: readonly string[]): SampleSources {
  const places = new Map<string, number>();
  const of = Uint16Array.from(names, (name) => {
    const place = places.get(name) ?? places.size;
    // Numbers beyond those of 16 bits are of names that are far too many to be sources.
    places.set(name, place);
    return place;
  });
  return { names: [...places.keys()].map((name) => name || 'unnamed'), of };
}

function isPlausible({ names, of }: SampleSources, { count, labels }: SubjectSplit): boolean {
  if (names.length < 2 || names.length > MAX_STEMS) return false;
  const classes = names.map(() => new Map<number, number>());
  for (let i = 0; i < count; i++) {
    const counts = classes[of[i]!]!;
    counts.set(labels[i]!, (counts.get(labels[i]!) ?? 0) + 1);
  }
  return classes.every((counts) => {
    const sizes = [...counts.values()];
    const total = sizes.reduce((sum, size) => sum + size, 0);
    return total >= (FAIR_SHARE * count) / names.length && Math.max(...sizes) <= (1 - OTHER_CLASSES) * total;
  });
}
