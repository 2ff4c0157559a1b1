import { sha256 } from '../../base/storage/durable.js';
import { countOf, examples } from '../../base/text/text.js';
import { SPLITS } from '../dataset/format.js';
import { isPlainMark } from '../similarity/plain-mark.js';
import { foundRepeat, type Repeat, type RepeatCluster } from './duplicates.js';
import {
  type Finding,
  type FoundSample,
  foundSample,
  pictureOf,
  type Subject,
  type SubjectSplit,
} from './subject.js';

const CHECK = 'leaks';
const REMOVE = 'Leave them out: roble data:validate DATASET --apply OUT --remove leaks';

/**
 * Samples that a model is both trained and tested on, so that its results are better than it is: pictures and groups in two
 * splits, and augmented copies. The samples found are those to leave out: of a repeat, all except those in the last split.
 */
export function findLeaks(subject: Subject, clusters: readonly RepeatCluster[]): Finding[] {
  return [
    ...findSharedPictures(subject, clusters),
    ...findSharedGroups(subject),
    ...findTestedCopies(subject),
    ...findCopiesOfTested(subject),
  ];
}

function findSharedPictures(subject: Subject, clusters: readonly RepeatCluster[]): Finding[] {
  const exact: FoundSample[] = [];
  const near: FoundSample[] = [];
  const plain: FoundSample[] = [];
  for (const cluster of clusters) {
    const isPlain = isPlainMark(pictureOf(subject, cluster[0]!), subject.manifest.preprocessing);
    for (const repeat of cluster) {
      const later = cluster.filter((other) => orderOf(other.split) > orderOf(repeat.split));
      const same = later.find(({ pixels }) => pixels === repeat.pixels);
      if (later.length === 0) continue;
      const found = foundRepeat(subject, repeat, same ?? later[0]!);
      (same ? exact : isPlain ? plain : near).push(found);
    }
  }
  return [
    ...finding('error', exact, (many) => `${many} in another split pixel for pixel.`, REMOVE),
    ...finding(
      'error',
      near,
      (many) => `${many} in another split, except for a little noise or a shift.`,
      `Look at them (--html FILE). ${REMOVE}`,
    ),
    ...finding(
      'warning',
      plain,
      (many) =>
        `${many} nearly the same as one in another split, but only a bar, a dot or a bow, which people draw alike.`,
      `It may be chance. ${REMOVE}`,
    ),
  ];
}

function finding(
  severity: 'error' | 'warning',
  samples: readonly FoundSample[],
  sentence: (many: string) => string,
  suggestion: string,
): Finding[] {
  if (samples.length === 0) return [];
  const many = `${countOf(samples.length, 'picture')} ${samples.length === 1 ? 'is' : 'are'}`;
  return [{ check: CHECK, severity, message: sentence(many), suggestion, samples }];
}

function orderOf({ split }: SubjectSplit): number {
  return SPLITS.indexOf(split);
}

function findSharedGroups(subject: Subject): Finding[] {
  const last = new Map<string, SubjectSplit>();
  for (const split of subject.splits)
    for (const { group } of split.provenance) if (group !== undefined) last.set(group, split);
  const groups = new Set<string>();
  const samples = subject.splits.flatMap((split) =>
    split.provenance.flatMap(({ group }, index) => {
      const other = group === undefined ? split : last.get(group)!;
      if (other === split) return [];
      groups.add(group!);
      return [foundSample(subject, split, index, `group "${group}", also in ${other.split}`)];
    }),
  );
  if (samples.length === 0) return [];
  const names = examples([...groups].map((name) => `"${name}"`));
  return [
    {
      check: CHECK,
      severity: 'error',
      message: `${countOf(groups.size, 'group')} ${groups.size === 1 ? 'is' : 'are'} in more than one split, with ${countOf(samples.length, 'sample')} in the earlier one: ${names}.`,
      suggestion: `Divide the data again with whole groups (roble data:import --split), or: ${REMOVE.toLowerCase()}`,
      samples,
    },
  ];
}

/** Augmented copies show how a model does on what an augmenter makes, not on what people draw. */
function findTestedCopies(subject: Subject): Finding[] {
  const samples = subject.splits.flatMap((split) =>
    split.split === 'train'
      ? []
      : split.provenance.flatMap(({ copy }, index) =>
          copy ? [foundSample(subject, split, index, `copy ${copy.number} of ${copy.of.slice(0, 12)}`)] : [],
        ),
  );
  const sentence = () =>
    `${countOf(samples.length, 'sample')} of validation or test ${samples.length === 1 ? 'is an augmented copy' : 'are augmented copies'}.`;
  return finding('error', samples, sentence, REMOVE);
}

function findCopiesOfTested(subject: Subject): Finding[] {
  const [train, ...others] = subject.splits;
  if (train?.split !== 'train' || !train.provenance.some(({ copy }) => copy)) return [];
  const tested = new Map<string, Repeat['split']>();
  for (const split of others)
    for (let index = 0; index < split.count; index++)
      tested.set(sha256(pictureOf(subject, { split, index })), split);
  const samples = train.provenance.flatMap(({ copy }, index) => {
    const of = copy && [copy.of, copy.partner ?? copy.of].find((hash) => tested.has(hash));
    return of ? [foundSample(subject, train, index, `made of a picture of ${tested.get(of)!.split}`)] : [];
  });
  const sentence = (many: string) =>
    `${many} made by augmentation of ${samples.length === 1 ? 'one' : 'some'} that a model is tested on.`;
  return finding('error', samples, sentence, REMOVE);
}
