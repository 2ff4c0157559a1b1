import { type Context, refuseInterrupted } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { sha256 } from '../../base/storage/durable.js';
import { distinctNames, normalName } from '../../base/text/names.js';
import type { Preprocessing } from '../../image/settings.js';
import type { PackedStrokes } from '../../image/strokes/packed.js';
import type { ImageView } from '../../plugin/contracts.js';
import { type DatasetManifest, type SampleProvenance, SPLITS, type SplitName } from '../dataset/format.js';
import { type Dataset, openDataset, readProvenance, viewOf } from '../dataset/open.js';
import type { PackedPictures } from '../dataset/pictures.js';
import { checkSamePictures } from '../dataset/same-form.js';
import type { BalanceSettings } from './settings.js';

/** A data set that samples are taken from. */
export interface Source {
  /** Unique among the sources. */
  readonly name: string;
  readonly weight: number | undefined;
  /** Drawn by a program: its samples are for training, and not for testing if there are real ones. */
  readonly isSynthetic: boolean;
  readonly dataset: Dataset;
  /** The splits that are taken from it. */
  readonly splits: readonly SplitName[];
}

export interface Sources {
  readonly sources: readonly Source[];
  /** All classes: those of the first source in its order, then what the others add. */
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
}

/**
 * Opens the data sets to balance.
 *
 * @throws {RobleError} `ROBLE_USAGE`, `ROBLE_DATASETS_DIFFER`, and those of {@link openDataset}
 */
export async function openSources(settings: BalanceSettings['sources']): Promise<Sources> {
  refuseBadList(settings);
  const datasets = await Promise.all(settings.map(({ dataset }) => openDataset(dataset)));
  checkSamePictures(datasets[0]!, datasets.slice(1));
  refuseTwice(datasets);
  const synthetic = datasets.map(({ manifest }) => isDrawn(manifest.recipe));
  const allSynthetic = !synthetic.includes(false);
  const sources = datasets.map((dataset, i): Source => {
    const isSynthetic = synthetic[i]!;
    const splits = SPLITS.filter((split) => dataset.manifest.splits[split] !== undefined);
    return {
      name: uniqueName(datasets, i),
      weight: settings[i]!.weight,
      isSynthetic,
      dataset,
      splits: isSynthetic && !allSynthetic ? splits.filter((split) => split === 'train') : splits,
    };
  });
  const classes = distinctNames(datasets.flatMap(({ manifest }) => manifest.classes));
  return { sources, classes, preprocessing: datasets[0]!.manifest.preprocessing };
}

function refuseBadList(settings: BalanceSettings['sources']): void {
  if (settings.length === 0)
    throw new RobleError('ROBLE_USAGE', 'There is no data set to balance.', {
      expected: 'SOURCE: the folder of a data set, or balance.sources in the configuration',
      nextSteps: ['Make one with "roble data:import" or "roble data:synth".'],
    });
  const weights = settings.filter(({ weight }) => weight !== undefined).length;
  if (weights > 0 && weights < settings.length)
    throw new RobleError('ROBLE_USAGE', 'Some sources have a weight and others have none.', {
      received: settings.map(({ dataset, weight }) => `${dataset}=${weight ?? '?'}`).join(' '),
      expected: 'a weight for each source, or for none',
    });
}

function refuseTwice(datasets: readonly Dataset[]): void {
  const twice = datasets.find(({ manifest }, i) =>
    datasets.slice(0, i).some((other) => other.manifest.fingerprint === manifest.fingerprint),
  );
  if (twice)
    throw new RobleError('ROBLE_USAGE', 'A source is given twice.', {
      received: twice.folder,
      expected: 'different data sets',
    });
}

/** Whether `data:synth` drew a data set, or the one that it is the cleaned form of. */
function isDrawn(recipe: DatasetManifest['recipe']): boolean {
  const { command, source } = recipe as {
    command?: unknown;
    source?: { recipe?: DatasetManifest['recipe'] };
  };
  if (command === 'data:validate' && source?.recipe) return isDrawn(source.recipe);
  return command === 'data:synth';
}

/** The name of the data set, with a number if an earlier source has the same name. */
function uniqueName(datasets: readonly Dataset[], i: number): string {
  const { name } = datasets[i]!.manifest;
  const before = datasets.slice(0, i).filter(({ manifest }) => manifest.name === name).length;
  return before === 0 ? name : `${name}-${before + 1}`;
}

/** One split of one source; plain data, which passes to threads. */
export interface Block {
  /** Index of its source. */
  readonly source: number;
  readonly split: SplitName;
  /** The index of its first sample in the pool. */
  readonly start: number;
  readonly count: number;
  readonly pictures: PackedPictures;
  readonly strokes?: PackedStrokes | undefined;
}

/** The pictures that threads make samples from. A sample is named by its index in the pool. */
export interface Pictures {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly blocks: readonly Block[];
  /** The class of each sample. */
  readonly labels: Uint16Array;
  /** The SHA-256 of each sample's pixels, 32 bytes each. */
  readonly hashes: Uint8Array;
}

/** All samples of the sources. */
export interface Pool extends Pictures {
  /** The provenance of each sample. */
  readonly provenance: readonly SampleProvenance[];
}

/**
 * Opens all samples of the sources.
 *
 * @throws {RobleError} `ROBLE_DATASET_LEAK` if a validation or test split holds copies; `ROBLE_INTERRUPTED`; those of
 *   opening
 */
export async function openPool(
  { sources, classes, preprocessing }: Sources,
  context: Context,
): Promise<Pool> {
  const { width, height, channels } = preprocessing;
  const count = sources.reduce((sum, source) => sum + countOf(source), 0);
  const labels = new Uint16Array(new SharedArrayBuffer(2 * count));
  const hashes = new Uint8Array(new SharedArrayBuffer(32 * count));
  const blocks: Block[] = [];
  const provenance: SampleProvenance[] = [];
  const indices = new Map(classes.map((name, label) => [normalName(name), label]));
  for (const [index, source] of sources.entries()) {
    const labelOf = source.dataset.manifest.classes.map((name) => indices.get(normalName(name))!);
    for (const split of source.splits) {
      const start = provenance.length;
      const opened = await source.dataset.open(split, (pixels, i) => {
        refuseInterrupted(context);
        hashes.set(Buffer.from(sha256(pixels), 'hex'), 32 * (start + i));
      });
      const { pictures, strokes, count } = opened;
      for (const sample of await readProvenance(source.dataset, split)) provenance.push(sample);
      for (const [i, label] of opened.labels.entries()) labels[start + i] = labelOf[label]!;
      blocks.push({ source: index, split, start, count, pictures, strokes });
      if (split !== 'train') refuseCopies(source, split, provenance.slice(start));
    }
  }
  return { width, height, channels, blocks, labels, hashes, provenance };
}

function countOf({ dataset, splits }: Source): number {
  return splits.reduce((sum, split) => sum + dataset.manifest.splits[split]!.count, 0);
}

function refuseCopies({ dataset }: Source, split: SplitName, samples: readonly SampleProvenance[]): void {
  const copies = samples.filter(({ copy }) => copy !== undefined);
  if (copies.length === 0) return;
  throw new RobleError(
    'ROBLE_DATASET_LEAK',
    `The split "${split}" of ${dataset.folder} holds augmented copies.`,
    {
      received: `${copies.length} copies, such as one of ${copies[0]!.source}`,
      expected: 'augmented copies in train only',
      nextSteps: ['Divide the originals into splits first, and then balance.'],
    },
  );
}

/** The picture of a sample. */
export function pictureOf(pictures: Pictures, sample: number): ImageView {
  const block = blockOf(pictures.blocks, sample);
  return viewOf(block, pictures, sample - block.start);
}

/** The block that a sample is in. There are few, so a search is fast enough. */
export function blockOf(blocks: readonly Block[], sample: number): Block {
  return blocks.find(({ start, count }) => sample < start + count)!;
}

/** The SHA-256 of a sample's pixels, in hexadecimal. */
export function hashOf({ hashes }: Pick<Pictures, 'hashes'>, sample: number): string {
  return Buffer.from(hashes.subarray(32 * sample, 32 * sample + 32)).toString('hex');
}
