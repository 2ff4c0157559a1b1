import { basename } from 'node:path';
import { optional } from '../../base/collections.js';
import { type Context, withStep } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { sha256 } from '../../base/storage/durable.js';
import { didYouMean } from '../../base/text/text.js';
import { drawingOf } from '../../image/strokes/packed.js';
import { type SplitName, splitCounts } from '../dataset/format.js';
import { type PreparedSample, writeDataset } from '../dataset/write.js';
import type { Finding, SamplePlace } from './subject.js';
import { pictureOf, type Subject, type SubjectSplit } from './subject.js';

/** The kinds of samples that can be removed, and the checks that find them. */
const CHECKS_OF = {
  leaks: ['leaks'],
  duplicates: ['duplicates'],
  'near-duplicates': ['near-duplicates'],
  blank: ['blank'],
  labels: ['conflicting-labels', 'suspicious-labels'],
} as const;
export type RemovedKind = keyof typeof CHECKS_OF;
export const DEFAULT_REMOVED: readonly RemovedKind[] = ['leaks', 'duplicates', 'blank'];

/** A line of `removed.jsonl`. */
interface RemovedSample extends SamplePlace {
  readonly label: string;
  readonly source: string;
  readonly kind: RemovedKind | 'orphans';
  /** Why, as the finding says. */
  readonly finding: string;
  readonly detail?: string;
}

export interface CleanResult {
  readonly out: string;
  readonly fingerprint: string;
  /** How many samples were left out, by their first reason; `orphans`: copies whose original was left out. */
  readonly removed: Readonly<Record<string, number>>;
  readonly splits: Partial<Record<SplitName, number>>;
  readonly warnings: readonly string[];
}

interface CleanOptions {
  readonly subject: Subject;
  readonly findings: readonly Finding[];
  readonly remove: readonly RemovedKind[];
  /** The folder to create. */
  readonly out: string;
}

/**
 * Writes the data set without the samples of some findings, and without copies whose original is left out. All others keep
 * their split, order and provenance; `removed.jsonl` in the folder lists those that were left out.
 *
 * @throws {RobleError} those of `writeDataset`: among them `ROBLE_DATASET_SPLIT` if a class would have no sample to train on
 */
export function cleanDataset(options: CleanOptions, context: Context): Promise<CleanResult> {
  return withStep(context, 'clean', 'Writing the cleaned data set', () => writeCleaned(options, context));
}

async function writeCleaned(
  { subject, findings, remove, out }: CleanOptions,
  context: Context,
): Promise<CleanResult> {
  const removed = chooseRemoved(subject, findings, remove);
  const { name, fingerprint, classes, preprocessing, recipe } = subject.manifest;
  const { manifest, warnings } = await writeDataset(
    {
      out,
      name: basename(out),
      classes,
      preprocessing,
      split: { mode: 'given', seed: 0 },
      recipe: () => ({
        command: 'data:validate',
        source: { name, fingerprint, recipe },
        remove,
        removed: removed.size,
      }),
      files: { 'removed.jsonl': [...removed.values()].map((line) => `${JSON.stringify(line)}\n`).join('') },
    },
    keptSamples(subject, removed),
    context,
  );
  for (const message of warnings) context.reporter?.report({ type: 'warning', message });
  const counts: Record<string, number> = {};
  for (const { kind } of removed.values()) counts[kind] = (counts[kind] ?? 0) + 1;
  return { out, fingerprint: manifest.fingerprint, removed: counts, splits: splitCounts(manifest), warnings };
}

/** @throws {RobleError} `ROBLE_USAGE` for an unknown kind */
export function parseRemovedKinds(words: readonly string[]): RemovedKind[] {
  const kinds = Object.keys(CHECKS_OF);
  const unknown = words.filter((word) => !kinds.includes(word));
  if (unknown.length === 0) return words as RemovedKind[];
  throw new RobleError('ROBLE_USAGE', 'There is no such kind of samples to remove.', {
    received: unknown.join(', '),
    expected: kinds.join(', '),
    nextSteps: unknown.flatMap((word) => didYouMean(word, kinds)),
  });
}

/** @throws {RobleError} `ROBLE_USAGE` if no check is run that finds what is to be removed */
export function refuseUnchecked(remove: readonly RemovedKind[], checks: readonly string[]): void {
  const missing = remove.filter((kind) => !CHECKS_OF[kind].some((check) => checks.includes(check)));
  if (missing.length > 0)
    throw new RobleError('ROBLE_USAGE', 'No check looks for what is to be removed.', {
      received: `--remove ${remove.join(',')} with the checks ${checks.join(', ')}`,
      expected: `the checks ${missing.map((kind) => CHECKS_OF[kind][0]).join(', ')}, too`,
    });
}

const keyOf = ({ split, index }: SamplePlace): string => `${split} ${index}`;

function chooseRemoved(
  subject: Subject,
  findings: readonly Finding[],
  remove: readonly RemovedKind[],
): Map<string, RemovedSample> {
  const removed = new Map<string, RemovedSample>();
  for (const kind of remove)
    for (const { check, message, samples } of findings) {
      if (!(CHECKS_OF[kind] as readonly string[]).includes(check)) continue;
      for (const { like: _, ...sample } of samples)
        if (!removed.has(keyOf(sample))) removed.set(keyOf(sample), { ...sample, kind, finding: message });
    }
  for (const orphan of findOrphans(subject, removed)) removed.set(keyOf(orphan), orphan);
  return removed;
}

/** Copies that could not be made again, because their original is left out. */
function findOrphans(subject: Subject, removed: ReadonlyMap<string, RemovedSample>): RemovedSample[] {
  const train = subject.splits.find(({ split }) => split === 'train');
  if (!train?.provenance.some(({ copy }) => copy)) return [];
  const gone = new Set<string>();
  const there = new Set<string>();
  for (let index = 0; index < train.count; index++) {
    if (train.provenance[index]!.copy) continue;
    const hash = sha256(pictureOf(subject, { split: train, index }));
    (removed.has(keyOf({ split: 'train', index })) ? gone : there).add(hash);
  }
  return train.provenance.flatMap(({ copy, source }, index): RemovedSample[] => {
    const orphan = { split: 'train', index } as const;
    const isGone = (hash: string | undefined) => hash !== undefined && gone.has(hash) && !there.has(hash);
    if (!copy || removed.has(keyOf(orphan)) || !(isGone(copy.of) || isGone(copy.partner))) return [];
    const label = subject.manifest.classes[train.labels[index]!]!;
    return [{ ...orphan, label, source, kind: 'orphans', finding: 'Its original is left out.' }];
  });
}

async function* keptSamples(
  subject: Subject,
  removed: ReadonlyMap<string, RemovedSample>,
): AsyncGenerator<PreparedSample> {
  for (const split of subject.splits)
    for (let index = 0; index < split.count; index++)
      if (!removed.has(keyOf({ split: split.split, index }))) yield sampleOf(subject, split, index);
}

function sampleOf(subject: Subject, split: SubjectSplit, index: number): PreparedSample {
  return {
    ...split.provenance[index]!,
    pixels: pictureOf(subject, { split, index }),
    ...optional('strokes', drawingOf(split.strokes, index)),
    label: split.labels[index]!,
    split: split.split,
  };
}
