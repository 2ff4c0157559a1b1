import { countOf } from '../../base/text.js';
import type { Finding, FoundSample } from './finding.js';
import { foundRepeat, type Repeat, type RepeatCluster } from './repeats.js';
import type { Subject } from './subject.js';

/** Samples of one class with the very same pixels as one before them in their split. */
export function findDuplicates(subject: Subject, clusters: readonly RepeatCluster[]): Finding[] {
  return eachSplit(subject, clusters, isExact, (split, samples) => ({
    check: 'duplicates',
    severity: split === 'train' ? 'warning' : 'info',
    message: `${countOf(samples.length, 'sample')} of ${split} ${have(samples)} the pixels of another one of the same class.`,
    suggestion: 'Leave them out: roble data:validate DATASET --apply OUT --remove duplicates',
    samples,
  }));
}

/** Samples of one class that are another one but for noise or a shift. Copies that `data:balance` made are meant to be. */
export function findNearRepeats(subject: Subject, clusters: readonly RepeatCluster[]): Finding[] {
  const isNear = (repeat: Repeat, before: readonly Repeat[]) =>
    !isExact(repeat, before) && !repeat.split.provenance[repeat.index]!.copy;
  return eachSplit(subject, clusters, isNear, (split, samples) => ({
    check: 'near-duplicates',
    severity: 'info',
    message: `${countOf(samples.length, 'sample')} of ${split} ${have(samples)} nearly the pixels of another one of the same class.`,
    suggestion:
      'Look at them (--html FILE); to leave them out: roble data:validate DATASET --apply OUT --remove near-duplicates',
    samples,
  }));
}

function have({ length }: readonly FoundSample[]): string {
  return length === 1 ? 'has' : 'have';
}

function isExact({ pixels }: Repeat, before: readonly Repeat[]): boolean {
  return before.some((other) => other.pixels === pixels);
}

function eachSplit(
  subject: Subject,
  clusters: readonly RepeatCluster[],
  isWanted: (repeat: Repeat, before: readonly Repeat[]) => boolean,
  findingOf: (split: string, samples: FoundSample[]) => Finding,
): Finding[] {
  return subject.splits.flatMap((split) => {
    const samples = clusters.flatMap((cluster) => {
      const own = cluster.filter((repeat) => repeat.split === split);
      return ofOneClass(own).flatMap((group) =>
        group.flatMap((repeat, i) => {
          const before = group.slice(0, i);
          if (i === 0 || !isWanted(repeat, before)) return [];
          const like = before.find(({ pixels }) => pixels === repeat.pixels) ?? group[0]!;
          return [foundRepeat(subject, repeat, like)];
        }),
      );
    });
    return samples.length > 0 ? [findingOf(split.split, samples)] : [];
  });
}

function ofOneClass(repeats: readonly Repeat[]): Repeat[][] {
  const labels = [...new Set(repeats.map(({ label }) => label))];
  return labels.map((label) => repeats.filter((repeat) => repeat.label === label));
}
