import { countOf } from '../../base/text.js';
import type { Finding } from './finding.js';
import type { SubjectStatistics } from './picture-statistics.js';
import { foundSample, type Subject } from './subject.js';

/** Levels, of 255, between the paper and whatever differs most from it: less cannot be seen. */
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
