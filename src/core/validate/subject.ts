import {
  type DatasetManifest,
  type LoadedSplit,
  type SampleProvenance,
  SPLITS,
  type SplitName,
} from '../dataset/format.js';
import type { Dataset } from '../dataset/open.js';
import type { FoundSample } from './finding.js';

/** One split in memory, with where its samples came from. */
export interface SubjectSplit extends LoadedSplit {
  readonly split: SplitName;
  readonly provenance: readonly SampleProvenance[];
}

/** A data set in memory, as the checks read it. */
export interface Subject {
  readonly manifest: DatasetManifest;
  /** Those that the data set has, train first. */
  readonly splits: readonly SubjectSplit[];
}

/** @throws {RobleError} `ROBLE_DATASET_INVALID` when a file was changed */
export async function loadSubject(dataset: Dataset): Promise<Subject> {
  const splits: SubjectSplit[] = [];
  for (const split of SPLITS) {
    if (!dataset.manifest.splits[split]) continue;
    const provenance: SampleProvenance[] = [];
    for await (const sample of dataset.provenance(split)) provenance.push(sample);
    splits.push({ split, provenance, ...(await dataset.load(split)) });
  }
  return { manifest: dataset.manifest, splits };
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
