import { basename, extname } from 'node:path';
import type { SampleProvenance } from '../dataset/format.js';
import type { PictureStatistics, StatisticName } from './picture-statistics.js';
import type { ClassValues } from './statistical-tests.js';
import type { SubjectSplit } from './subject.js';

/** Some samples of a split. */
export interface SampleGroup {
  /** For use in a sentence. */
  readonly name: string;
  /** Of its samples in the split. */
  readonly indices: Uint32Array;
  /** uint16, of the whole split: indices into the classes. */
  readonly labels: Uint16Array;
  /** Of the whole split. */
  readonly statistics: PictureStatistics;
}

/** The values of a statistic in two groups, by class. */
export function classValuesOf(
  first: SampleGroup,
  second: SampleGroup,
  statistic: StatisticName,
  classes: number,
): ClassValues {
  return {
    first: sortedByClass(first, statistic, classes),
    second: sortedByClass(second, statistic, classes),
  };
}

function sortedByClass(
  { indices, labels, statistics }: SampleGroup,
  statistic: StatisticName,
  classes: number,
): Float32Array[] {
  const column = statistics[statistic];
  const values = Array.from({ length: classes }, (): number[] => []);
  for (const i of indices) values[labels[i]!]!.push(column[i]!);
  return values.map((list) => Float32Array.from(list).sort());
}

/** How many samples a group has in classes that another has as well. */
export function sharedCount(group: SampleGroup, other: SampleGroup): number {
  const classes = new Set(Array.from(other.indices, (i) => other.labels[i]!));
  return group.indices.reduce((count, i) => count + (classes.has(group.labels[i]!) ? 1 : 0), 0);
}

/** Each source with all others; of two sources, the first with the second. */
export function sourcePairs(
  { names, of }: SampleSources,
  sample: Pick<SampleGroup, 'labels' | 'statistics'>,
): (readonly [SampleGroup, SampleGroup])[] {
  const group = (name: string, belongs: (source: number) => boolean): SampleGroup => ({
    ...sample,
    name,
    indices: Uint32Array.from([...of.keys()].filter((i) => belongs(of[i]!))),
  });
  const compared = names.length === 2 ? names.slice(0, 1) : names;
  return compared.map((name, index) => [
    group(`"${name}"`, (source) => source === index),
    group(names.length === 2 ? `"${names[1]}"` : 'the other sources', (source) => source !== index),
  ]);
}

/** The sources of the samples of a split. */
export interface SampleSources {
  /** Two at least. */
  readonly names: readonly string[];
  /** uint16, [count]: indices into the names. */
  readonly of: Uint16Array;
}

/** Most sources that file names may stand for. */
const MAX_STEMS = 20;
/** Part of an even share of the samples that each of these must have at least. */
const FAIR_SHARE = 1 / 4;
/** Part of a source's samples that must not be of its largest class: the name of a class is no source. */
const OTHER_CLASSES = 0.05;

/**
 * Where samples came from: the data set that each was taken from, or else the names of their files without numbers,
 * such as `photo` and `scan` for `photo_1.png` and `scan_17.png`.
 *
 * @returns undefined if all came from one source, or the names do not show sources
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
  const indices = new Map<string, number>();
  const of = Uint16Array.from(names, (name) => {
    const index = indices.get(name) ?? indices.size;
    // An index beyond 16 bits wraps; that many names are not sources anyway.
    indices.set(name, index);
    return index;
  });
  return { names: [...indices.keys()].map((name) => name || 'unnamed'), of };
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
