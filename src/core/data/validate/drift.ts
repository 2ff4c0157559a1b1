import { percent } from '../../base/text/text.js';
import {
  formatStatistic,
  STATISTIC_NAMES,
  STATISTICS,
  type StatisticName,
  type SubjectStatistics,
} from './picture-statistics.js';
import { classValuesOf, type SampleGroup, sourcePairs, sourcesOf } from './sample-groups.js';
import { type Difference, differenceOf } from './statistical-tests.js';
import type { Finding, Subject, SubjectSplit } from './subject.js';

const CHECK = 'drift';
/** Kolmogorov-Smirnov distances; between normal distributions they are Cohen's d of 0.25, small, and of 0.5, medium. */
const SMALL = 0.1;
const MEDIUM = 0.2;
/** Significance of all tests together, with Bonferroni's correction. */
const SIGNIFICANT = 0.001;
/** Least total variation distance of two mixes of classes, also as a multiple of what chance gives. */
const CLASS_MIX = 0.1;
const CHANCE_FACTOR = 2;

/**
 * Pictures that differ between train and the splits that judge a model, and between sources. The size of a difference within
 * classes counts, and it must be more than chance. Copies in train are left out: they are meant to differ.
 */
export function findDrift(subject: Subject, statistics: SubjectStatistics): Finding[] {
  const [train, ...others] = subject.splits;
  if (train?.split !== 'train') return [];
  const pairs = [
    ...others.map((other) => [wholeSplit(train, statistics), wholeSplit(other, statistics)] as const),
    ...sourcesIn(train, statistics),
  ];
  const drift = pairs.flatMap(([first, second], i) =>
    comparePictures(first, second, pairs.length * STATISTIC_NAMES.length, subject, i >= others.length),
  );
  return [...drift, ...others.flatMap((other) => compareClassMix(train, other, subject))];
}

function wholeSplit({ split, labels, provenance }: SubjectSplit, statistics: SubjectStatistics): SampleGroup {
  const indices = Uint32Array.from([...provenance.keys()].filter((i) => !provenance[i]!.copy));
  return { name: split, indices, labels, statistics: statistics.get(split)! };
}

function sourcesIn(train: SubjectSplit, statistics: SubjectStatistics) {
  const sources = sourcesOf(train);
  return sources ? sourcePairs(sources, wholeSplit(train, statistics)) : [];
}

function comparePictures(
  first: SampleGroup,
  second: SampleGroup,
  tests: number,
  { manifest }: Subject,
  areSources: boolean,
): Finding[] {
  const found = STATISTIC_NAMES.flatMap((name) => {
    const difference = differenceOf(classValuesOf(first, second, name, manifest.classes.length));
    const isReal = difference && difference.distance >= SMALL && difference.pValue * tests < SIGNIFICANT;
    return isReal ? [{ name, ...difference }] : [];
  }).sort((a, b) => b.distance - a.distance);
  if (found.length === 0) return [];
  return [
    {
      check: CHECK,
      severity: found[0]!.distance >= MEDIUM ? 'warning' : 'info',
      message:
        `Pictures of ${first.name} differ from those of ${second.name}, class by class: ` +
        `${found.map(describe).join('; ')}.`,
      suggestion: areSources
        ? 'Import both with the same image settings, or redraw a share of the samples as on a canvas ("roble data:balance --canvas-style 0.5").'
        : `Make sure that ${second.name} is what the model will meet; then widen train towards it with "roble data:balance --strategy medium", or add samples like it.`,
      samples: [],
    },
  ];
}

function describe({ name, medians, distance }: Difference & { name: StatisticName }): string {
  const [here, there] = medians.map((median) => formatStatistic(name, median));
  const values =
    here === there ? `median ${here} in both, but spread differently` : `median ${here} and ${there}`;
  return `${STATISTICS[name].title} (${values}, Kolmogorov-Smirnov ${distance.toFixed(2)})`;
}

function compareClassMix(train: SubjectSplit, other: SubjectSplit, { manifest }: Subject): Finding[] {
  const [first, second] = [train, other].map(({ split }) => manifest.splits[split]!);
  const rows = manifest.classes.map((name, label) => {
    const [here, there] = [first!.perClass[label]! / first!.count, second!.perClass[label]! / second!.count];
    const pooled = (first!.perClass[label]! + second!.perClass[label]!) / (first!.count + second!.count);
    const deviation = Math.sqrt(pooled * (1 - pooled) * (1 / first!.count + 1 / second!.count));
    // The mean distance from 0 of a normal deviate.
    return { name, here, there, chance: deviation * Math.sqrt(2 / Math.PI) };
  });
  const distance = rows.reduce((sum, { here, there }) => sum + Math.abs(here - there), 0) / 2;
  const chance = rows.reduce((sum, row) => sum + row.chance, 0) / 2;
  if (distance < CLASS_MIX || distance < CHANCE_FACTOR * chance) return [];
  const worst = rows.reduce((a, b) => (Math.abs(b.here - b.there) > Math.abs(a.here - a.there) ? b : a));
  return [
    {
      check: CHECK,
      severity: 'info',
      message:
        `The classes of train and ${other.split} are mixed differently: ${percent(distance)} of the samples would ` +
        `have to change their class (total variation distance); most of all "${worst.name}", ` +
        `${percent(worst.here)} of train and ${percent(worst.there)} of ${other.split}.`,
      suggestion:
        'Compare models by the mean over classes, or weight the classes in training (train.classWeights).',
      samples: [],
    },
  ];
}
