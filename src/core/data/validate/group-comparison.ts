import { basename, extname } from 'node:path';
import type { SampleProvenance } from '../dataset/format.js';
import type { PictureStatistics, StatisticName } from './picture-statistics.js';
import type { SubjectSplit } from './subject.js';

/** Values of one kind of samples in the classes that they share with another kind: for each class, ascending. */
export interface ClassValues {
  readonly first: readonly Float32Array[];
  readonly second: readonly Float32Array[];
}

/**
 * How well one number tells two kinds of samples apart within their classes: the chance that a sample of the first kind
 * has a larger value than one of the second kind of the same class, equal values counting half. 0.5: not at all; 0 or 1:
 * without a mistake. It is the U of H. Mann and D. Whitney (1947), added over the classes, by the number of pairs.
 *
 * @returns undefined when no class has both
 */
export function separation({ first, second }: ClassValues): number | undefined {
  let [wins, pairs] = [0, 0];
  for (const [i, values] of first.entries()) {
    wins += winsOf(values, second[i]!);
    pairs += values.length * second[i]!.length;
  }
  return pairs > 0 ? wins / pairs : undefined;
}

/** Pairs in which the value of `a` is larger; equal ones count half. Both ascend. */
function winsOf(a: Float32Array, b: Float32Array): number {
  let [wins, below, upTo] = [0, 0, 0];
  for (const value of a) {
    while (below < b.length && b[below]! < value) below++;
    while (upTo < b.length && b[upTo]! <= value) upTo++;
    wins += (below + upTo) / 2;
  }
  return wins;
}

export interface Difference {
  /** The largest distance of the two distribution functions: 0 equal, 1 without overlap. */
  readonly distance: number;
  /** The chance of a distance this large if there were no difference. */
  readonly pValue: number;
  readonly medians: readonly [first: number, second: number];
}

/** A value beside its weight, in one pass over both kinds. */
interface Weighed {
  readonly value: number;
  readonly first: number;
  readonly second: number;
}

/**
 * The test of Kolmogorov and Smirnov (N. Smirnov 1939) for two kinds of samples whose classes differ in number: samples
 * of the first kind are weighted to the classes of the second, so that only what differs within classes counts. The
 * chance is by the limit with the correction of M. Stephens (1970), at the effective number of weighted samples (L.
 * Kish 1965).
 *
 * @returns undefined when no class has both
 */
export function differenceOf({ first, second }: ClassValues): Difference | undefined {
  const weights = first.map((values, i) => (values.length > 0 ? second[i]!.length / values.length : 0));
  const shared = second.map((values, i) => (first[i]!.length > 0 ? values : new Float32Array()));
  const total = shared.reduce((sum, { length }) => sum + length, 0);
  if (total === 0) return undefined;
  const weighed = [
    ...first.flatMap((values, i) =>
      Array.from(values, (value): Weighed => ({ value, first: weights[i]! / total, second: 0 })),
    ),
    ...shared.flatMap((values) =>
      Array.from(values, (value): Weighed => ({ value, first: 0, second: 1 / total })),
    ),
  ].sort((a, b) => a.value - b.value);
  const squares = first.reduce((sum, { length }, i) => sum + length * weights[i]! ** 2, 0);
  const effective = total ** 2 / squares;
  const { distance, medians } = compareDistributions(weighed);
  return { distance, medians, pValue: kolmogorovTail(distance, (effective * total) / (effective + total)) };
}

function compareDistributions(weighed: readonly Weighed[]): Omit<Difference, 'pValue'> {
  const medians: [number, number] = [Number.NaN, Number.NaN];
  let [first, second, distance] = [0, 0, 0];
  for (const [i, item] of weighed.entries()) {
    first += item.first;
    second += item.second;
    if (Number.isNaN(medians[0]) && first >= 0.5 - ROUNDING) medians[0] = item.value;
    if (Number.isNaN(medians[1]) && second >= 0.5 - ROUNDING) medians[1] = item.value;
    // Between equal values the functions are not defined.
    if (weighed[i + 1]?.value !== item.value) distance = Math.max(distance, Math.abs(first - second));
  }
  return { distance, medians };
}

/** Sums of many weights are not exact. */
const ROUNDING = 1e-9;

/** The chance of a distance at least this large between samples of one distribution. */
function kolmogorovTail(distance: number, effective: number): number {
  const root = Math.sqrt(effective);
  const lambda = (root + 0.12 + 0.11 / root) * distance;
  // The series converges slowly where the chance is 1 but for 1e-10.
  if (lambda < 0.25) return 1;
  let tail = 0;
  for (let k = 1; k <= 20; k++) tail += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * (k * lambda) ** 2);
  return Math.min(1, Math.max(0, tail));
}

/** How strongly two properties of samples go together. */
export interface Association {
  /** Cramér's V, corrected for its bias: 0 independent, 1 one tells the other. */
  readonly v: number;
  /** How many standard deviations chi-squared is above what independent properties give. */
  readonly z: number;
}

/**
 * The association of two properties from a table of counts: Cramér's V with the correction of W. Bergsma, "A
 * bias-correction for Cramér's V and Tschuprow's T" (2013). Uncorrected, V of independent properties is far from 0 in
 * tables of many cells and few samples. Rows and columns without counts do not matter.
 *
 * @param table rows of equal length
 */
export function associationOf(table: readonly (readonly number[])[]): Association {
  const rows = table.map(sum).filter((total) => total > 0);
  const columns = (table[0] ?? []).map((_, j) => sum(table.map((row) => row[j]!)));
  const [r, k] = [rows.length, columns.filter((total) => total > 0).length];
  const n = sum(rows);
  if (r < 2 || k < 2 || n < 2) return { v: 0, z: 0 };
  const chiSquared = chiSquaredOf(table, columns, n);
  const freedom = (r - 1) * (k - 1);
  const excess = Math.max(0, chiSquared / n - freedom / (n - 1));
  const corrected = (size: number) => size - (size - 1) ** 2 / (n - 1);
  const most = Math.min(corrected(r), corrected(k)) - 1;
  return { v: most > 0 ? Math.min(1, Math.sqrt(excess / most)) : 0, z: normalScore(chiSquared, freedom) };
}

function chiSquaredOf(table: readonly (readonly number[])[], columns: readonly number[], n: number): number {
  let chiSquared = 0;
  for (const row of table) {
    const total = sum(row);
    for (const [j, observed] of row.entries()) {
      const expected = (total * columns[j]!) / n;
      if (expected > 0) chiSquared += (observed - expected) ** 2 / expected;
    }
  }
  return chiSquared;
}

/** The cube root of chi-squared is close to normal (Wilson and Hilferty 1931). */
function normalScore(chiSquared: number, freedom: number): number {
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(chiSquared / freedom) - (1 - spread)) / Math.sqrt(spread);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Some samples of a split. */
export interface SampleGroup {
  /** As it stands in a sentence. */
  readonly name: string;
  /** Places in the split. */
  readonly indices: Uint32Array;
  /** uint16, of the whole split: indices into the classes. */
  readonly labels: Uint16Array;
  /** Of the whole split. */
  readonly statistics: PictureStatistics;
}

/** The values of a statistic in two groups, by class, ascending. */
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

/** Each source beside all others; of two sources, the first beside the second. */
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
  return compared.map((name, place) => [
    group(`"${name}"`, (source) => source === place),
    group(names.length === 2 ? `"${names[1]}"` : 'the other sources', (source) => source !== place),
  ]);
}

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
