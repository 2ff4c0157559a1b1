import type { PictureStatistics, StatisticName } from './picture-statistics.js';
import type { SampleSources } from './sample-sources.js';
import type { ClassValues } from './group-comparison.js';

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
