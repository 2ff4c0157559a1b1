import { samplesByClass } from '../../base/collections.js';
import { median } from '../../base/statistics.js';
import { countOf } from '../../base/text/text.js';
import {
  formatStatistic,
  STATISTICS,
  type StatisticName,
  type SubjectStatistics,
} from './picture-statistics.js';
import { type Finding, type FoundSample, foundSample, type Subject, type SubjectSplit } from './subject.js';

/** The statistics that are judged, with a deviation that never counts, however similar the others are. */
const JUDGED: readonly (readonly [StatisticName, number])[] = [
  ['ink', 0.02],
  ['boxWidth', 0.05],
  ['boxHeight', 0.05],
  ['contrast', 10],
];
/**
 * Robust standard deviations from the median of the class. Of 251 characters found among 62,385, ten were looked at:
 * nine were fragments or wrongly labelled. At 8 there would be 478, half of them right.
 */
const FAR = 10;
/** Fewest samples of a class that show what is usual. */
const FEWEST = 20;

/**
 * Samples with far more or less ink, a far larger or smaller drawing, or other contrast than usual in their class, by
 * modified z-scores (B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers", 1993).
 */
export function findOutliers(subject: Subject, statistics: SubjectStatistics): Finding[] {
  const samples = subject.splits.flatMap((split) =>
    [...worstScores(subject, split, statistics)].map(([index, { score, detail }]) => ({
      score,
      found: foundSample(subject, split, index, detail),
    })),
  );
  if (samples.length === 0) return [];
  samples.sort((a, b) => b.score - a.score);
  return [
    {
      check: 'outliers',
      severity: 'info',
      message: `${countOf(samples.length, 'picture')} ${samples.length === 1 ? 'is' : 'are'} far from what is usual in ${samples.length === 1 ? 'its class' : 'their classes'}, in ink, size or contrast.`,
      suggestion:
        'Look at them (--html FILE): fragments, crossed-out drawings and wrong labels are among them.',
      samples: samples.map(({ found }): FoundSample => found),
    },
  ];
}

interface Score {
  readonly score: number;
  readonly detail: string;
}

/** The worst score of each sample that is far off in any statistic. Blank pictures are left to their own check. */
function worstScores(
  { manifest }: Subject,
  { split, labels }: SubjectSplit,
  statistics: SubjectStatistics,
): Map<number, Score> {
  const measures = statistics.get(split)!;
  const inked = [...labels.keys()].filter((i) => measures.contrast[i]! > 0);
  const worst = new Map<number, Score>();
  for (const own of samplesByClass(labels, manifest.classes.length, inked))
    for (const [name, least] of own.length < FEWEST ? [] : JUDGED) {
      const values = measures[name];
      const { centre, deviation } = robustSpread(own.map((i) => values[i]!));
      for (const i of own) {
        const score = Math.abs(values[i]! - centre) / Math.max(deviation, least);
        if (score < FAR || score <= (worst.get(i)?.score ?? 0)) continue;
        const [value, usual] = [values[i]!, centre].map((number) => formatStatistic(name, number));
        worst.set(i, { score, detail: `${STATISTICS[name].title} ${value}, usual is ${usual}` });
      }
    }
  return worst;
}

/** The median, and the median distance from it, scaled to the standard deviation of normal values. */
function robustSpread(values: readonly number[]): { centre: number; deviation: number } {
  const centre = median(values);
  return { centre, deviation: 1.4826 * median(values.map((value) => Math.abs(value - centre))) };
}

/** Least difference from the paper, of 255 levels, that can be seen. */
const LEAST_CONTRAST = 16;

/** Pictures that show nothing. */
export function findBlank(subject: Subject, statistics: SubjectStatistics): Finding[] {
  const samples = subject.splits.flatMap((split) => {
    const { contrast, ground } = statistics.get(split.split)!;
    return [...contrast].flatMap((value, index) =>
      value < LEAST_CONTRAST
        ? [foundSample(subject, split, index, `nothing but ${Math.round(ground[index]!)} of 255`)]
        : [],
    );
  });
  if (samples.length === 0) return [];
  return [
    {
      check: 'blank',
      severity: 'warning',
      message: `${countOf(samples.length, 'picture')} ${samples.length === 1 ? 'shows' : 'show'} nothing.`,
      suggestion: 'Leave them out: roble data:validate DATASET --apply OUT --remove blank',
      samples,
    },
  ];
}

/** Difference from the usual paper, in levels, from which a picture is on the opposite ground. */
const OPPOSITE = 128;
/** There is a usual paper if that of this share of the pictures is within {@link SAME} levels of the median. */
const MOST = 0.9;
const SAME = 64;
/** A swapped picture with a smaller share of the usual paper is full of ink. */
const FULL = 0.03;

/** Pictures whose ink and paper are swapped compared with the rest of the data, or that are nearly covered with ink. */
export function findInverted(subject: Subject, statistics: SubjectStatistics): Finding[] {
  const grounds = subject.splits.flatMap(({ split }) => [...statistics.get(split)!.ground]);
  const usual = median(grounds);
  if (grounds.filter((ground) => Math.abs(ground - usual) <= SAME).length < MOST * grounds.length) return [];
  const samples = subject.splits.flatMap((split): FoundSample[] => {
    const { ground, ink } = statistics.get(split.split)!;
    return [...ground].flatMap((value, index) => {
      if (Math.abs(value - usual) < OPPOSITE) return [];
      const detail = ink[index]! < FULL ? 'almost full of ink' : 'ink and paper swapped';
      return [foundSample(subject, split, index, detail)];
    });
  });
  if (samples.length === 0) return [];
  return [
    {
      check: 'inverted',
      severity: 'warning',
      message: `${countOf(samples.length, 'picture')} ${samples.length === 1 ? 'lies' : 'lie'} on ${usual < 128 ? 'light' : 'dark'} ground, where the others lie on ${usual < 128 ? 'dark' : 'light'}.`,
      suggestion: 'Import these pictures separately from the others, with --invert.',
      samples,
    },
  ];
}
