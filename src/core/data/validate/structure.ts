import { countOf, examples, formatCount } from '../../base/text/text.js';
import { isOfCharacters } from '../dataset/class-names.js';
import type { DatasetManifest } from '../dataset/format.js';
import type { Finding, Subject, SubjectSplit } from './subject.js';

const CHECK = 'structure';
/** Samples of a class in train below which a model learns little. */
const FEW = 10;
/** Ratio of the largest class to the smallest. */
const IMBALANCED = 10;
const UNEVEN = 2;

/** Whether the splits hold what the manifest says, and enough samples of each class. */
export function findStructure(subject: Subject): Finding[] {
  const { classes } = subject.manifest;
  const counts = subject.splits.map((split) => ({ split, counts: countClasses(split, classes.length) }));
  const train = counts.find(({ split }) => split.split === 'train')?.counts;
  return [
    ...counts.flatMap(({ split, counts }) => compareManifest(subject, split, counts)),
    ...(train ? [] : [noTrain()]),
    ...counts.flatMap(({ split, counts }) => findEmpty(split, counts, classes)),
    ...(train ? [...findFew(train, subject.manifest), ...findImbalance(train, classes)] : []),
  ];
}

function countClasses({ labels }: SubjectSplit, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]! += 1;
  return counts;
}

function compareManifest(
  { manifest }: Subject,
  { split }: SubjectSplit,
  counts: readonly number[],
): Finding[] {
  const expected = manifest.splits[split]!.perClass;
  const wrong = manifest.classes.flatMap((name, label) =>
    counts[label] === expected[label]
      ? []
      : [`"${name}" has ${counts[label]}, the manifest says ${expected[label] ?? 'nothing'}`],
  );
  if (wrong.length === 0 && expected.length === counts.length) return [];
  return [
    {
      check: CHECK,
      severity: 'error',
      message: `The counts of ${split} are not those of dataset.json: ${examples(wrong)}.`,
      suggestion: 'Import the data set again.',
      samples: [],
    },
  ];
}

function noTrain(): Finding {
  return {
    check: CHECK,
    severity: 'warning',
    message: 'There is no train split.',
    suggestion: 'Divide the data with roble data:import --split train=0.8,validation=0.2.',
    samples: [],
  };
}

function findEmpty(
  { split }: SubjectSplit,
  counts: readonly number[],
  classes: readonly string[],
): Finding[] {
  const empty = classes.filter((_, label) => counts[label] === 0).map((name) => `"${name}"`);
  if (empty.length === 0) return [];
  const consequence = split === 'train' ? 'a model cannot learn them' : 'results say nothing about them';
  return [
    {
      check: CHECK,
      severity: split === 'train' ? 'error' : 'warning',
      message: `${countOf(empty.length, 'class', 'classes')} of ${classes.length} without a sample in ${split} (${consequence}): ${examples(empty, 8)}.`,
      suggestion: 'Add samples, divide with other shares, or leave the classes out with --classes.',
      samples: [],
    },
  ];
}

function findFew(counts: readonly number[], manifest: DatasetManifest): Finding[] {
  const { classes } = manifest;
  const few = classes.flatMap((name, label) =>
    counts[label]! > 0 && counts[label]! < FEW ? [`"${name}" (${counts[label]})`] : [],
  );
  if (few.length === 0) return [];
  return [
    {
      check: CHECK,
      severity: 'warning',
      message: `${countOf(few.length, 'class', 'classes')} with fewer than ${FEW} samples in train: ${examples(few, 8)}.`,
      suggestion: `Collect more of them${isOfCharacters(manifest) ? ', or draw some: roble data:synth' : ', or let balanced copies stand in for them: roble data:balance'}.`,
      samples: [],
    },
  ];
}

function findImbalance(counts: readonly number[], classes: readonly string[]): Finding[] {
  const present = counts
    .map((count, label) => ({ count, name: classes[label]! }))
    .filter(({ count }) => count > 0);
  const sorted = present.sort((a, b) => a.count - b.count);
  const [smallest, largest] = [sorted[0], sorted.at(-1)];
  if (!smallest || !largest || largest.count / smallest.count < UNEVEN) return [];
  const ratio = largest.count / smallest.count;
  return [
    {
      check: CHECK,
      severity: ratio > IMBALANCED ? 'warning' : 'info',
      message: `The largest class of train, "${largest.name}" (${formatCount(largest.count)}), has ${ratio.toFixed(1)} times the samples of the smallest, "${smallest.name}" (${formatCount(smallest.count)}).`,
      suggestion: 'Balance them: roble data:balance DATASET --target median --out OUT',
      samples: [],
    },
  ];
}
