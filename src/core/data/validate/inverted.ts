import { median } from '../../base/statistics.js';
import { countOf } from '../../base/text.js';
import type { Finding, FoundSample } from './finding.js';
import type { SubjectStatistics } from './picture-statistics.js';
import { foundSample, type Subject } from './subject.js';

/** Levels from the usual paper at which a picture lies on the other side. */
const OPPOSITE = 128;
/** Share of pictures whose paper must be within {@link SAME} of the usual one, for there to be a usual one. */
const MOST = 0.9;
const SAME = 64;
/** A swapped picture with less of the usual paper than this is full of ink. */
const FULL = 0.03;

/** Pictures of which ink and paper are swapped, as against the rest of the data, or that are nearly covered with ink. */
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
      suggestion: 'Import such pictures apart from the others, with --invert.',
      samples,
    },
  ];
}
