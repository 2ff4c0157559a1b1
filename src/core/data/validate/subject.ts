import { type Context, refuseInterrupted } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import type { Finding as BaseFinding } from '../../base/findings.js';
import { type DatasetManifest, type SampleProvenance, SPLITS, type SplitName } from '../dataset/format.js';
import { type Dataset, type OpenSplit, readProvenance, viewOf } from '../dataset/open.js';

/** One split, with where its samples came from. */
export interface SubjectSplit extends OpenSplit {
  readonly split: SplitName;
  readonly provenance: readonly SampleProvenance[];
}

/** A data set, as the checks read it. */
export interface Subject {
  readonly manifest: DatasetManifest;
  /** Those that the data set has, train first. */
  readonly splits: readonly SubjectSplit[];
}

/** @throws {RobleError} `ROBLE_INTERRUPTED`; `ROBLE_DATASET_INVALID` when a file was changed, or files do not fit together */
export async function openSubject(dataset: Dataset, context: Context = {}): Promise<Subject> {
  const splits: SubjectSplit[] = [];
  for (const split of SPLITS) {
    if (!dataset.manifest.splits[split]) continue;
    const provenance = await readProvenance(dataset, split);
    const opened = await dataset.open(split, () => refuseInterrupted(context));
    const found: SubjectSplit = { split, provenance, ...opened };
    refuseMisfits(dataset, found);
    splits.push(found);
  }
  return { manifest: dataset.manifest, splits };
}

/** What the checks count on, and hashes alone do not show. */
function refuseMisfits(
  { folder, manifest }: Dataset,
  { split, count, labels, provenance }: SubjectSplit,
): void {
  const misfit = (received: string, expected: string) =>
    new RobleError('ROBLE_DATASET_INVALID', `The files of ${split} in ${folder} do not fit together.`, {
      received,
      expected,
      nextSteps: ['Import the data set again.'],
    });
  const classes = manifest.classes.length;
  const label = labels.find((value) => value >= classes);
  if (label !== undefined) throw misfit(`the label ${label}`, `labels from 0 to ${classes - 1}`);
  if (provenance.length !== count)
    throw misfit(`${provenance.length} lines on where samples come from`, `${count}, one a sample`);
}

/** The pixels of a sample: uint8, [height, width, channels]. */
export function pictureOf(
  { manifest }: Pick<Subject, 'manifest'>,
  { split, index }: { readonly split: SubjectSplit; readonly index: number },
): Uint8Array {
  return viewOf(split, manifest.preprocessing, index).data;
}

/** A sample as findings name it. */
export function foundSample(
  { manifest }: Pick<Subject, 'manifest'>,
  { split, labels, provenance }: SubjectSplit,
  index: number,
  detail?: string,
): FoundSample {
  const label = manifest.classes[labels[index]!]!;
  const { source } = provenance[index]!;
  return { split, index, label, source, ...(detail !== undefined && { detail }) };
}

/** `error`: results on this data mean nothing or mislead. `warning`: worth mending. `info`: worth knowing. */
export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface SamplePlace {
  readonly split: SplitName;
  /** Its place in the split, from 0. */
  readonly index: number;
}

/** A sample that a finding is about. */
export interface FoundSample extends SamplePlace {
  /** Name of its class. */
  readonly label: string;
  /** The source's own name of it. */
  readonly source: string;
  /** Why it was found, in a few words; the label that it seems to have, the sample that it repeats. */
  readonly detail?: string;
  /** The sample that it repeats, to be shown beside it. */
  readonly like?: SamplePlace;
}

/** Something that a check found. */
export type Finding = BaseFinding<FindingPlace, Severity>;

interface FindingPlace {
  /** Name of the check, such as `near-duplicates`. */
  readonly check: string;
  /** All of them, the worst first. */
  readonly samples: readonly FoundSample[];
}

/** Whether something was found that is at least as bad as `level`. */
export function hasFindings(
  { severities }: { readonly severities: Readonly<Record<Severity, number>> },
  level: Severity,
): boolean {
  return SEVERITIES.slice(0, SEVERITIES.indexOf(level) + 1).some((severity) => severities[severity] > 0);
}
