import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { optional } from '../../base/collections.js';
import { RobleError } from '../../base/errors.js';
import { checkedJson } from '../../base/schema/checked.js';
import { isAbsent } from '../../base/storage/files.js';
import { readPlainText, streamPlainFile } from '../../base/storage/read-file.js';
import type { Preprocessing } from '../../image/settings.js';
import { drawingOf, findDrawings, type PackedStrokes } from '../../image/strokes/packed.js';
import type { ImageView } from '../../plugin/contracts.js';
import {
  type DatasetManifest,
  type DatasetPart,
  manifestSchema,
  type PartFile,
  type SampleProvenance,
  type SplitName,
} from './format.js';
import { readChecked } from './parts.js';
import {
  type OnPicture,
  openPictures,
  type PackedPictures,
  type PicturesInMemory,
  pictureAt,
} from './pictures.js';
import { pixelMemory } from './pixel-memory.js';

/** One split, opened: everything but its pictures is in memory, over SharedArrayBuffers, so that threads read one copy. */
export interface OpenSplit {
  readonly count: number;
  readonly pictures: PackedPictures;
  /** uint16, [count]: indices into the classes. */
  readonly labels: Uint16Array<SharedArrayBuffer>;
  /** What the pictures were drawn from, where samples have strokes. */
  readonly strokes?: PackedStrokes | undefined;
}

/** One split, all of it in memory. */
export interface LoadedSplit extends OpenSplit {
  /** uint8, [count, height, width, channels]. */
  readonly images: Uint8Array<SharedArrayBuffer>;
}

/** A data set on the disk. */
export interface Dataset {
  readonly folder: string;
  readonly manifest: DatasetManifest;
  /** Opens a split, every byte of it checked. Its pictures are read into memory where that has room for them. */
  open(split: SplitName, onPicture?: OnPicture): Promise<OpenSplit>;
  /** The same, with all pictures in memory in any case, in one array. */
  load(split: SplitName): Promise<LoadedSplit>;
  /** Where each sample of a split came from, in order. */
  provenance(split: SplitName): AsyncIterable<SampleProvenance>;
}

/**
 * Opens a data set that `data:import` or `data:synth` wrote.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_DATASET_INVALID`; opening a split also `ROBLE_DATASET_SPLIT`.
 */
export async function openDataset(folder: string): Promise<Dataset> {
  const path = join(folder, 'dataset.json');
  const text = await readPlainText(path).catch((cause) => {
    if (!isAbsent(cause)) throw RobleError.from(cause);
    throw new RobleError('ROBLE_FILE_NOT_FOUND', `${folder} is not a data set: it has no dataset.json.`, {
      expected: 'a folder that "roble data:import" or "roble data:synth" wrote',
      nextSteps: ['Check the name of the folder, or make one: "roble data:import --help" shows how.'],
      cause,
    });
  });
  const manifest = checkedJson(manifestSchema, text, 'ROBLE_DATASET_INVALID', path);
  const open = (split: SplitName, memory: number, onPicture?: OnPicture) =>
    openSplit(folder, manifest, splitOf({ folder, manifest }, split), memory, onPicture);
  return {
    folder,
    manifest,
    open: async (split, onPicture) => open(split, pixelMemory(), onPicture),
    async load(split) {
      const loaded = await open(split, Infinity);
      return { ...loaded, images: (loaded.pictures as PicturesInMemory).images };
    },
    async *provenance(split) {
      for (const { samples } of splitOf({ folder, manifest }, split).parts)
        for await (const line of createInterface({
          input: await streamPlainFile(join(folder, samples.file)),
        }))
          yield JSON.parse(line) as SampleProvenance;
    },
  };
}

/** Where each sample of a split came from, all at once. */
export async function readProvenance(dataset: Dataset, split: SplitName): Promise<SampleProvenance[]> {
  const provenance: SampleProvenance[] = [];
  for await (const sample of dataset.provenance(split)) provenance.push(sample);
  return provenance;
}

type SplitManifest = NonNullable<DatasetManifest['splits'][SplitName]>;

/**
 * What the manifest says about a split.
 *
 * @throws {RobleError} `ROBLE_DATASET_SPLIT` when there is none of that name
 */
export function splitOf(
  { folder, manifest }: Pick<Dataset, 'folder' | 'manifest'>,
  split: SplitName,
): SplitManifest {
  const found = manifest.splits[split];
  if (found) return found;
  throw new RobleError('ROBLE_DATASET_SPLIT', `The data set ${folder} has no split "${split}".`, {
    received: Object.keys(manifest.splits).join(', '),
    expected: split,
    nextSteps: ['Import it again with --split, such as --split train=0.8,validation=0.2.'],
  });
}

async function openSplit(
  folder: string,
  { preprocessing }: DatasetManifest,
  { count, parts }: SplitManifest,
  memory: number,
  onPicture: OnPicture | undefined,
): Promise<OpenSplit> {
  const { width, height, channels } = preprocessing;
  const pictures = await openPictures(folder, parts, width * height * channels, memory, onPicture);
  const labels = new Uint16Array(new SharedArrayBuffer(count * 2));
  let start = 0;
  for (const part of parts) {
    const bytes = await readChecked(folder, part.labels);
    for (let i = 0; i < part.count; i++) labels[start + i] = bytes.readUInt16LE(2 * i);
    start += part.count;
  }
  const strokes = await loadStrokes(parts, count, (file) => readChecked(folder, file));
  return { count, pictures, labels, ...optional('strokes', strokes) };
}

/**
 * The strokes of a split, in memory that threads share; undefined if no part has any.
 *
 * @param count samples of all parts
 * @param read gives the bytes of a file, checked
 * @throws {RobleError} `ROBLE_DATASET_INVALID` for a file that does not hold as many drawings as the part has samples
 */
async function loadStrokes(
  parts: readonly DatasetPart[],
  count: number,
  read: (file: PartFile) => Promise<Buffer>,
): Promise<PackedStrokes | undefined> {
  const bytes = parts.reduce((sum, { strokes }) => sum + (strokes?.bytes ?? 0), 0);
  if (bytes === 0) return undefined;
  const words = new Int16Array(new SharedArrayBuffer(bytes + (bytes % 2)));
  const starts = new Uint32Array(new SharedArrayBuffer(4 * (count + 1)));
  let sample = 0;
  let at = 0;
  for (const part of parts) {
    if (part.strokes) {
      const content = await read(part.strokes);
      if (content.length % 2 === 1 || content.length !== part.strokes.bytes) throw damaged(part);
      const end = at + content.length / 2;
      for (let i = at, byte = 0; i < end; i++, byte += 2) words[i] = content.readInt16LE(byte);
      if (findDrawings(words, at, part.count, starts, sample) !== end) throw damaged(part);
      at = end;
    } else starts.fill(at, sample, sample + part.count);
    sample += part.count;
  }
  starts[count] = at;
  return { words, starts };
}

function damaged({ count, strokes }: DatasetPart): RobleError {
  return new RobleError('ROBLE_DATASET_INVALID', `${strokes?.file} is not of the expected form.`, {
    expected: `the strokes of ${count} samples`,
    nextSteps: ['Import the data set again.'],
  });
}

/** One of the pictures of a split, with its strokes if it has some. What it holds must not be changed. */
export function viewOf(
  { pictures, strokes }: Pick<OpenSplit, 'pictures' | 'strokes'>,
  { width, height, channels }: Pick<Preprocessing, 'width' | 'height'> & { readonly channels: number },
  index: number,
): ImageView {
  return { width, height, channels, data: pictureAt(pictures, index), strokes: drawingOf(strokes, index) };
}
