import { countOf, examples } from '../../base/text/text.js';
import { findNearDuplicates } from '../similarity/near-duplicates.js';
import { isPlainMark } from '../similarity/plain-mark.js';
import {
  type Finding,
  type FoundSample,
  foundSample,
  pictureOf,
  type Subject,
  type SubjectSplit,
} from './subject.js';

/** One of several samples that show the same picture. */
export interface Repeat {
  readonly split: SubjectSplit;
  readonly index: number;
  readonly label: number;
  /** Equal for equal pixels. */
  readonly pixels: number;
}

/** Samples of all splits with the same picture, exactly or nearly; those of train first. At least two. */
export type RepeatCluster = readonly Repeat[];

/** Finds repeats over all splits at once. */
export function findRepeats(subject: Subject): RepeatCluster[] {
  const places = subject.splits.flatMap((split) =>
    Array.from({ length: split.count }, (_, index) => ({ split, index })),
  );
  const { cluster, exact } = findNearDuplicates(
    (i) => pictureOf(subject, places[i]!),
    places.length,
    subject.manifest.preprocessing,
  );
  const clusters = new Map<number, Repeat[]>();
  for (const [i, { split, index }] of places.entries()) {
    const repeat = { split, index, label: split.labels[index]!, pixels: exact[i]! };
    const known = clusters.get(cluster[i]!);
    if (known) known.push(repeat);
    else clusters.set(cluster[i]!, [repeat]);
  }
  return [...clusters.values()].filter(({ length }) => length > 1);
}

/** A sample with the one that it repeats. */
export function foundRepeat(subject: Subject, { split, index }: Repeat, like: Repeat): FoundSample {
  const label = subject.manifest.classes[like.label]!;
  const detail = `same as ${like.split.split} ${like.index} ("${label}")`;
  return {
    ...foundSample(subject, split, index, detail),
    like: { split: like.split.split, index: like.index },
  };
}

/** Samples that have the very same pixels as an earlier one of their class and split. */
export function findDuplicates(subject: Subject, clusters: readonly RepeatCluster[]): Finding[] {
  return eachSplit(subject, clusters, isExact, (split, samples) => ({
    check: 'duplicates',
    severity: split === 'train' ? 'warning' : 'info',
    message: `${countOf(samples.length, 'sample')} of ${split} ${have(samples)} the pixels of another one of the same class.`,
    suggestion: 'Leave them out: roble data:validate DATASET --apply OUT --remove duplicates',
    samples,
  }));
}

/** Samples of one class that equal another one except for noise or a shift. Copies that `data:balance` made are left out. */
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

/**
 * Pictures that are the same, or nearly the same, and have different labels. The samples found are those whose label is not
 * the most frequent one; all of them if there is a tie.
 */
export function findConflictingLabels(subject: Subject, clusters: readonly RepeatCluster[]): Finding[] {
  const conflicts = clusters.filter(([first, ...others]) =>
    others.some(({ label }) => label !== first!.label),
  );
  const isPlain = ([first]: RepeatCluster) =>
    isPlainMark(pictureOf(subject, first!), subject.manifest.preprocessing);
  const plain = conflicts.filter(isPlain);
  const drawings = conflicts.filter((cluster) => !plain.includes(cluster));
  return [
    ...conflictFinding(subject, drawings, 'warning', 'with different labels: some are wrong.'),
    ...conflictFinding(
      subject,
      plain,
      'info',
      'with different labels, but are only a bar, a dot or a bow, which can be read in more than one way.',
    ),
  ];
}

function conflictFinding(
  subject: Subject,
  clusters: readonly RepeatCluster[],
  severity: 'warning' | 'info',
  what: string,
): Finding[] {
  const samples = clusters.flatMap((cluster) => outvoted(subject, cluster));
  if (samples.length === 0) return [];
  return [
    {
      check: 'conflicting-labels',
      severity,
      message: `${countOf(clusters.length, 'picture')} ${clusters.length === 1 ? 'is' : 'are'} there more than once ${what} Labels: ${frequentLabels(subject, clusters)}.`,
      suggestion:
        'Look at them (--html FILE) and correct the labels at their source; to leave out the outvoted ones: roble data:validate DATASET --apply OUT --remove labels',
      samples,
    },
  ];
}

function outvoted(subject: Subject, cluster: RepeatCluster): FoundSample[] {
  const votes = new Map<number, number>();
  for (const { label } of cluster) votes.set(label, (votes.get(label) ?? 0) + 1);
  const most = Math.max(...votes.values());
  const winners = [...votes].filter(([, count]) => count === most).map(([label]) => label);
  const isRight = ({ label }: Repeat) => winners.length === 1 && label === winners[0];
  return cluster.flatMap((repeat) =>
    isRight(repeat) ? [] : [foundRepeat(subject, repeat, otherOf(repeat, cluster, isRight))],
  );
}

/** One with another label: with the right label if there is one, and with the same pixels if possible. */
function otherOf(repeat: Repeat, cluster: RepeatCluster, isRight: (other: Repeat) => boolean): Repeat {
  const others = cluster.filter(({ label }) => label !== repeat.label);
  const right = others.filter(isRight);
  const candidates = right.length > 0 ? right : others;
  return candidates.find(({ pixels }) => pixels === repeat.pixels) ?? candidates[0]!;
}

function frequentLabels({ manifest }: Subject, clusters: readonly RepeatCluster[]): string {
  const counts = new Map<string, number>();
  for (const cluster of clusters) {
    const labels = [...new Set(cluster.map(({ label }) => label))].sort((a, b) => a - b);
    const names = labels.map((label) => `"${manifest.classes[label]}"`).join(' and ');
    counts.set(names, (counts.get(names) ?? 0) + 1);
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return examples(sorted.map(([names, count]) => `${names} (${count})`));
}
