import { join } from 'node:path';
import { readSource, type SourceFormat } from '../../data/import-export/detect.js';
import { SPLITS, type SplitName, splitCounts } from '../../data/dataset/format.js';
import { type Dataset, openDataset, splitOf } from '../../data/dataset/open.js';
import {
  type BadSample,
  type Picture,
  type ReaderOptions,
  readerOptions,
  type SourceOptions,
} from '../../data/formats/sample.js';
import { streamSplit } from '../../data/dataset/stream.js';
import { RobleError } from '../../base/errors.js';
import type { Preprocessing } from '../../image/settings.js';
import { transposePixels, transposeStrokes } from '../../data/import-export/transpose.js';
import { exists } from '../../base/storage/exists.js';

/** Which samples are judged; `all`: those of every split, and those of none. */
export type JudgedSplit = SplitName | 'all';
export const JUDGED_SPLITS = [...SPLITS, 'all'] as const satisfies readonly JudgedSplit[];

/** A split in words. */
export function splitText(split: JudgedSplit): string {
  return split === 'all' ? 'all samples' : `split ${split}`;
}

/** How sources that are no data set are read; as for an import. */
export interface JudgedSourceOptions extends SourceOptions {
  readonly format?: SourceFormat | 'auto' | undefined;
  /** Whether labels are class names, or indices into `classes` (by default those of the first model). */
  readonly labels?: 'name' | 'index' | undefined;
}

/** A sample to be judged. */
export interface SubjectSample {
  readonly source: string;
  /** The name of a class, or a number where the source has numbers alone. */
  readonly label: string | number;
  readonly picture: Picture;
  /** Whether rows and columns of the picture are still to be swapped. */
  readonly transpose: boolean;
}

/** What models are judged on. */
export interface Subject {
  readonly path: string;
  readonly split: JudgedSplit;
  /** How many samples there are, where that is known before they are read. */
  readonly count?: number;
  /** Of a data set. */
  readonly dataset?: Dataset;
  /** What was noticed about the source is told to `warn`. */
  samples(warn: (message: string) => void): AsyncIterable<SubjectSample | BadSample>;
}

/**
 * Opens a data set, or anything that `data:import` reads.
 *
 * @param split by default `test` where there is one, else `validation`, else, of a source without splits, all
 * @throws {RobleError} `ROBLE_DATASET_SPLIT` without such samples, and what {@link openDataset} and {@link readSource} throw
 */
export async function openSubject(
  path: string,
  split: JudgedSplit | undefined,
  options: JudgedSourceOptions,
  signal?: AbortSignal,
): Promise<Subject> {
  return (await exists(join(path, 'dataset.json')))
    ? datasetSubject(await openDataset(path), split)
    : sourceSubject(path, split, options, signal);
}

function datasetSubject(dataset: Dataset, wanted: JudgedSplit | undefined): Subject {
  const counts = splitCounts(dataset.manifest);
  const present = SPLITS.filter((name) => counts[name] !== undefined);
  const split = wanted ?? usualSplit(dataset.folder, present);
  const judged = split === 'all' ? present : [split];
  return {
    path: dataset.folder,
    split,
    count: judged.reduce((sum, name) => sum + splitOf(dataset, name).count, 0),
    dataset,
    async *samples() {
      const { classes, preprocessing } = dataset.manifest;
      for (const name of judged)
        for await (const { pixels, label, provenance } of streamSplit(dataset, name))
          yield {
            source: provenance.source,
            label: classes[label]!,
            picture: beforeInversion(pixels, preprocessing),
            transpose: false,
          };
    },
  };
}

/** Pixels that a data set holds as the picture that they were made of, so that any model can take it, a server too. */
function beforeInversion(prepared: Uint8Array, { width, height, channels, invert }: Preprocessing): Picture {
  const pixels = invert ? prepared.map((value) => 255 - value) : prepared;
  return { kind: 'pixels', pixels, shape: { width, height, channels } };
}

async function sourceSubject(
  path: string,
  wanted: JudgedSplit | undefined,
  options: JudgedSourceOptions,
  signal: AbortSignal | undefined,
): Promise<Subject> {
  const { format = 'auto', transpose } = options;
  const reader = { ...readerOptions(options), signal };
  const split = wanted ?? (await splitInSource(path, format, reader));
  return {
    path,
    split,
    async *samples(warn) {
      const others = new Set<SplitName | undefined>();
      let found = false;
      for await (const item of readSource(path, format, reader)) {
        if ('warning' in item) warn(item.warning);
        if ('warning' in item || 'classes' in item) continue;
        if ('error' in item) yield item;
        else if (split !== 'all' && item.split !== split) others.add(item.split);
        else {
          found = true;
          yield { source: item.source, label: item.label, ...turned(item.picture, transpose ?? false) };
        }
      }
      if (!found && others.size > 0) throw missingSplit(path, split, [...others]);
    },
  };
}

/** What can be turned without decoding it is: a server decodes by itself. */
function turned(picture: Picture, transpose: boolean): Pick<SubjectSample, 'picture' | 'transpose'> {
  if (transpose && picture.kind === 'pixels')
    return {
      picture: { kind: 'pixels', ...transposePixels(picture.pixels, picture.shape) },
      transpose: false,
    };
  if (transpose && picture.kind === 'strokes')
    return { picture: { ...picture, strokes: transposeStrokes(picture.strokes) }, transpose: false };
  return { picture, transpose };
}

/** Goes through a source without decoding a picture; `test` ends it at once. */
async function splitInSource(
  path: string,
  format: SourceFormat | 'auto',
  reader: ReaderOptions,
): Promise<JudgedSplit> {
  const found = new Set<SplitName>();
  for await (const item of readSource(path, format, reader)) {
    if (!('source' in item) || 'error' in item || item.split === undefined) continue;
    if (item.split === 'test') return 'test';
    found.add(item.split);
  }
  return found.size === 0 ? 'all' : usualSplit(path, [...found]);
}

/** What training has not seen. */
function usualSplit(path: string, present: readonly SplitName[]): SplitName {
  const split = (['test', 'validation'] as const).find((name) => present.includes(name));
  if (split) return split;
  throw new RobleError('ROBLE_DATASET_SPLIT', `${path} has no split to judge a model by.`, {
    received: present.join(', '),
    expected: 'a split "test" or "validation"',
    nextSteps: ['Say which samples to take: --split train, or --split all.'],
  });
}

function missingSplit(
  path: string,
  split: JudgedSplit,
  others: readonly (SplitName | undefined)[],
): RobleError {
  return new RobleError('ROBLE_DATASET_SPLIT', `${path} has no sample of the split "${split}".`, {
    received: others.map((name) => name ?? 'samples of no split').join(', '),
    expected: split,
    nextSteps: [`Say which samples to take: --split ${JUDGED_SPLITS.join('|')}.`],
  });
}
