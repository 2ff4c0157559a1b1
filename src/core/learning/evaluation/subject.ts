import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { exists } from '../../base/storage/files.js';
import { countOf } from '../../base/text/text.js';
import { SPLITS, type SplitName, splitCounts } from '../../data/dataset/format.js';
import { type Dataset, openDataset, splitOf } from '../../data/dataset/open.js';
import { streamSplit } from '../../data/dataset/stream.js';
import { labelError } from '../../data/dataset/write.js';
import {
  type BadSample,
  countByCode,
  type Picture,
  type ReaderOptions,
  readerOptions,
  reasonOf,
  type SourceOptions,
} from '../../data/formats/source.js';
import { type ReadingContext, readSource } from '../../data/import-export/read-source.js';
import { transposePixels, transposeStrokes } from '../../data/import-export/to-pixels.js';
import type { Preprocessing } from '../../image/settings.js';
import type { Classifier } from './classifier.js';
import { JUDGED_SPLITS, type JudgedSplit, type LeftOutSample } from './result.js';

/** How sources that are no data set are read; as for an import. */
export interface JudgedSourceOptions extends SourceOptions {
  /** A format in the box, the reader of a plugin, or `auto` (the default). */
  readonly format?: string | undefined;
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
  /** Reports to `warn` what was noticed about the source. */
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
  context: { readonly signal?: AbortSignal | undefined } & ReadingContext = {},
): Promise<Subject> {
  return (await exists(join(path, 'dataset.json')))
    ? datasetSubject(await openDataset(path), split)
    : sourceSubject(path, split, options, context);
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
  { signal, ...context }: { readonly signal?: AbortSignal | undefined } & ReadingContext,
): Promise<Subject> {
  const { format = 'auto', transpose } = options;
  const reader = { ...readerOptions(options), signal };
  const split = wanted ?? (await splitInSource(path, format, reader, context));
  return {
    path,
    split,
    async *samples(warn) {
      const others = new Set<SplitName | undefined>();
      let found = false;
      for await (const item of readSource(path, format, reader, { ...context, warn })) {
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
  format: string,
  reader: ReaderOptions,
  context: ReadingContext,
): Promise<JudgedSplit> {
  const found = new Set<SplitName>();
  for await (const item of readSource(path, format, reader, context)) {
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

/**
 * How the label of a sample is named. Labels are compared by name, so that models and data may have their classes in any
 * order. A number without a list of classes is the name of a class or a place among them; it is not guessed which.
 *
 * @returns a function that throws `ROBLE_LABEL_RANGE` for an index that is none, and `ROBLE_USAGE` for a number
 *   whose meaning is not given
 */
export function labelNames(
  { classes, labels }: Pick<JudgedSourceOptions, 'classes' | 'labels'>,
  models: readonly Classifier[],
): (source: string, label: string | number) => string {
  const ordered = models.find(({ isOrdered }) => isOrdered)?.classes;
  const named = classes ?? (labels === 'index' ? ordered : undefined);
  const isPlain = models.every((model) => model.classes.every((name, index) => name === String(index)));
  return (source, label) => {
    if (typeof label === 'string') return label;
    if (named) {
      const name = Number.isInteger(label) ? named[label] : undefined;
      if (name === undefined) throw labelError(source, label, named);
      return name;
    }
    // Where the classes are 0, 1, 2 and so on in order, both readings are the same.
    if (labels === 'name' || (isPlain && labels === undefined)) return String(label);
    const place = ordered?.[label] === undefined ? '' : `, where ${label} is "${ordered[label]}"`;
    throw new RobleError('ROBLE_USAGE', 'The labels are numbers, which can be names or places of classes.', {
      received: `${label}, of ${source}`,
      expected: `to be told which: places among the classes of the model${place}, or names, where ${label} is "${label}"`,
      nextSteps: [
        ordered
          ? 'Say --labels index (places), --labels name (names), or list the classes with --classes.'
          : 'List the classes with --classes: the server does not tell their order. Or say --labels name.',
      ],
    });
  };
}

/**
 * A sample and the reason why it is left out.
 *
 * @throws what is not wrong with the sample alone
 */
export function leftOutFor(source: string, thrown: unknown): LeftOutSample {
  const error = RobleError.from(thrown);
  const { code, kind } = error;
  // How the command was given is no matter of one sample.
  if (kind !== 'user' || code === 'ROBLE_USAGE') throw thrown;
  return { source, code, message: reasonOf(error) };
}

/** Reasons that an error shows. */
const SHOWN = 5;

/** The error for a source none of whose samples can be judged. */
export function nothingToJudge(path: string, leftOut: readonly LeftOutSample[]): RobleError {
  return new RobleError('ROBLE_SOURCE_EMPTY', `${path} holds no sample that can be judged.`, {
    received: leftOut.length === 0 ? 'no sample' : countOf(leftOut.length, 'sample'),
    expected: 'pictures with their labels',
    problems: leftOut.slice(0, SHOWN).map(({ source, code, message }) => ({ path: source, message, code })),
    skippedByCode: countByCode(leftOut),
    nextSteps: ['Check the path, and that pictures lie in a folder for each class.'],
  });
}
