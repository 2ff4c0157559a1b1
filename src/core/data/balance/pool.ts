import type { SampleProvenance, SplitName } from '../dataset/format.js';
import { readProvenance } from '../dataset/open.js';
import { viewOf } from '../dataset/view.js';
import { RobleError } from '../../base/errors.js';
import { normalName } from '../../base/names.js';
import type { ImageView } from '../../plugin/contracts.js';
import { sha256 } from '../../base/storage/durable.js';
import type { PackedStrokes } from '../../image/strokes/packed.js';
import type { Source, Sources } from './sources.js';

/** One split of one source. The arrays are shared with threads. */
export interface Block {
  /** Index of its source. */
  readonly source: number;
  readonly split: SplitName;
  /** The place of its first sample in the pool. */
  readonly start: number;
  readonly count: number;
  /** uint8, [count, height, width, channels]. */
  readonly images: Uint8Array;
  readonly strokes?: PackedStrokes | undefined;
}

/** What a thread needs to make samples of. A sample is named by its place in the pool. */
export interface Pictures {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly blocks: readonly Block[];
  /** Of each sample, its class. */
  readonly labels: Uint16Array;
  /** Of each sample, the SHA-256 of its pixels: 32 bytes. */
  readonly hashes: Uint8Array;
}

/** All samples of the sources. */
export interface Pool extends Pictures {
  /** Of each sample. */
  readonly provenance: readonly SampleProvenance[];
}

/**
 * Loads all samples of the sources.
 *
 * @throws {RobleError} `ROBLE_DATASET_LEAK` when something that a source tests on is a copy; those of loading
 */
export async function loadPool({ sources, classes, preprocessing }: Sources): Promise<Pool> {
  const { width, height, channels } = preprocessing;
  const count = sources.reduce((sum, source) => sum + countOf(source), 0);
  const labels = new Uint16Array(new SharedArrayBuffer(2 * count));
  const hashes = new Uint8Array(new SharedArrayBuffer(32 * count));
  const blocks: Block[] = [];
  const provenance: SampleProvenance[] = [];
  const size = width * height * channels;
  const places = new Map(classes.map((name, label) => [normalName(name), label]));
  for (const [index, source] of sources.entries()) {
    const labelOf = source.dataset.manifest.classes.map((name) => places.get(normalName(name))!);
    for (const split of source.splits) {
      const loaded = await source.dataset.load(split);
      const start = provenance.length;
      for (const sample of await readProvenance(source.dataset, split)) provenance.push(sample);
      for (let i = 0; i < loaded.count; i++) {
        labels[start + i] = labelOf[loaded.labels[i]!]!;
        const hash = sha256(loaded.images.subarray(i * size, (i + 1) * size));
        hashes.set(Buffer.from(hash, 'hex'), 32 * (start + i));
      }
      const { images, strokes } = loaded;
      blocks.push({ source: index, split, start, count: loaded.count, images, strokes });
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
      nextSteps: ['Divide the originals into splits first, and balance then.'],
    },
  );
}

/** The picture of a sample. */
export function pictureOf(pictures: Pictures, sample: number): ImageView {
  const block = blockOf(pictures.blocks, sample);
  return viewOf(block, pictures, sample - block.start);
}

/** The block that a sample is in; sources are few. */
export function blockOf(blocks: readonly Block[], sample: number): Block {
  return blocks.find(({ start, count }) => sample < start + count)!;
}

/** The SHA-256 of a sample's pixels, in hexadecimal. */
export function hashOf({ hashes }: Pick<Pictures, 'hashes'>, sample: number): string {
  return Buffer.from(hashes.subarray(32 * sample, 32 * sample + 32)).toString('hex');
}
