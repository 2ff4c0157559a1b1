import { examples } from '../../base/text/text.js';
import { isOfCharacters } from '../dataset/class-names.js';
import {
  formatStatistic,
  STATISTIC_NAMES,
  STATISTICS,
  type StatisticName,
  type SubjectStatistics,
} from './picture-statistics.js';
import {
  classValuesOf,
  type SampleGroup,
  type SampleSources,
  sharedCount,
  sourcePairs,
  sourcesOf,
} from './sample-groups.js';
import { associationOf, differenceOf, separation } from './statistical-tests.js';
import type { Finding, Subject, SubjectSplit } from './subject.js';

const CHECK = 'confounds';
/** An association below this misleads no model. J. Cohen (1988) calls 0.1 small, 0.3 medium, 0.5 large. */
const WEAK = 0.1;
const MEDIUM = 0.2;
const STRONG = 0.5;
/** Least standard deviations above chance: about one false alarm in a thousand data sets. */
const SURE = 3.1;
/** Share of its samples from which a class comes almost wholly from one source. */
const ALMOST_WHOLLY = 0.95;
/** Classes with fewer samples may come from one source by chance. */
const FEWEST_OF_CLASS = 5;
/** Quality from which a statistic separates sources so well that a network learns it at once. */
const PERFECT = 0.95;
/** Fewest samples of a source whose pictures are compared. */
const FEWEST_OF_SOURCE = 20;

/**
 * Whether the source of a sample reveals its class, for instance if letters are photographs and punctuation is drawn by a
 * program: a model then learns paper and pens, and its accuracy on such data means little. Reads `train`.
 */
export function findConfounds(subject: Subject, statistics: SubjectStatistics): Finding[] {
  const train = subject.splits.find(({ split }) => split === 'train');
  const sources = train && sourcesOf(train);
  if (!sources) return [];
  const association = findAssociation(subject, train, sources);
  const sample = { labels: train.labels, statistics: statistics.get('train')! };
  const looks = sourcePairs(sources, sample).flatMap(([first, second]) =>
    findDifferentLooks(subject, first, second, association.length > 0),
  );
  return [...association, ...looks];
}

function findAssociation(subject: Subject, { labels }: SubjectSplit, sources: SampleSources): Finding[] {
  const { classes } = subject.manifest;
  const table = sources.names.map(() => new Array<number>(classes.length).fill(0));
  for (const [i, label] of labels.entries()) table[sources.of[i]!]![label]! += 1;
  const { v, z } = associationOf(table);
  if (v < WEAK || z < SURE) return [];
  const owned = table.map((_, source) => classesOwnedBy(source, table));
  const owners = owned.filter((list) => list.length > 0).length;
  const severity = v >= STRONG && owners > 1 ? 'error' : v >= MEDIUM || owners > 1 ? 'warning' : 'info';
  const described =
    owners > 0 ? describeOwned(owned, sources, classes) : describeUneven(table, sources, classes);
  return [
    {
      check: CHECK,
      severity,
      message: `The source of a sample reveals much about its class (Cramér's V ${v.toFixed(2)}): ${described}.`,
      suggestion:
        `Give each class samples of every source: ${isOfCharacters(subject.manifest) ? '"roble data:synth" draws characters that a source lacks, and ' : ''}` +
        '"roble data:balance A=70 B=30" mixes sources with equal weights in each class.',
      samples: [],
    },
  ];
}

/** The classes that come almost wholly from a source. */
function classesOwnedBy(source: number, table: readonly (readonly number[])[]): number[] {
  return table[source]!.flatMap((count, label) => {
    const total = table.reduce((sum, row) => sum + row[label]!, 0);
    return total >= FEWEST_OF_CLASS && count >= ALMOST_WHOLLY * total ? [label] : [];
  });
}

function describeOwned(
  owned: readonly (readonly number[])[],
  { names }: SampleSources,
  classes: readonly string[],
): string {
  const parts = owned.flatMap((labels, source) =>
    labels.length > 0
      ? [
          `${labels.length} of ${classes.length} classes come almost wholly from "${names[source]}" ` +
            `(${examples(
              labels.map((label) => classes[label]!),
              8,
            )})`,
        ]
      : [],
  );
  return parts.join(', ');
}

/** The class that depends most on one source. */
function describeUneven(
  table: readonly (readonly number[])[],
  { names }: SampleSources,
  classes: readonly string[],
): string {
  const total = table.flat().reduce((sum, count) => sum + count, 0);
  const uneven = table.flatMap((row, source) => {
    const usual = row.reduce((sum, count) => sum + count, 0) / total;
    return row.map((count, label) => {
      const share =
        count /
        Math.max(
          1,
          table.reduce((sum, other) => sum + other[label]!, 0),
        );
      return { label, source, share, usual };
    });
  });
  const { label, source, share, usual } = uneven.reduce((a, b) =>
    b.share - b.usual > a.share - a.usual ? b : a,
  );
  return `${percent(share)} of "${classes[label]}" are from "${names[source]}", which has ${percent(usual)} of all samples`;
}

/** Statistics that do not depend on what is drawn, for sources without a common class. */
const INDEPENDENT: readonly StatisticName[] = ['ground', 'contrast', 'strokeWidth'];

function findDifferentLooks(
  { manifest }: Subject,
  first: SampleGroup,
  second: SampleGroup,
  isLearnable: boolean,
): Finding[] {
  const isShared =
    sharedCount(first, second) >= FEWEST_OF_SOURCE && sharedCount(second, first) >= FEWEST_OF_SOURCE;
  const compared = isShared ? [first, second] : [asOneClass(first), asOneClass(second)];
  if (compared.some(({ indices }) => indices.length < FEWEST_OF_SOURCE)) return [];
  const telling = (isShared ? STATISTIC_NAMES : INDEPENDENT).flatMap((name) => {
    const values = classValuesOf(compared[0]!, compared[1]!, name, manifest.classes.length);
    const share = separation(values) ?? 0.5;
    const quality = Math.max(share, 1 - share);
    return quality < PERFECT ? [] : [{ name, quality, medians: differenceOf(values)!.medians }];
  });
  const best = telling.sort((a, b) => b.quality - a.quality)[0];
  if (!best) return [];
  const [here, there] = best.medians.map((median) => formatStatistic(best.name, median));
  return [
    {
      check: CHECK,
      severity: isLearnable ? 'warning' : 'info',
      message:
        `Samples of ${first.name} and of ${second.name} look different: the ${STATISTICS[best.name].title} ` +
        `alone (${here} and ${there}) distinguishes them in ${percent(best.quality)} of pairs` +
        `${isShared ? ' of the same class' : ''}.`,
      suggestion:
        'Import both with the same image settings (--invert, --background, --fit), or redraw a share of the samples ' +
        'as on a canvas ("roble data:balance --canvas-style 0.5").',
      samples: [],
    },
  ];
}

function asOneClass(group: SampleGroup): SampleGroup {
  return { ...group, labels: new Uint16Array(group.labels.length) };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
