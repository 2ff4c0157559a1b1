import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { RobleError } from '../../base/errors.js';
import { CLASS_LIST, classListText } from '../dataset/class-list.js';
import type { SplitName } from '../dataset/format.js';
import { COLOUR_MAGIC, GREY_MAGIC, LABELS_MAGIC } from './idx-magic.js';
import type { ExportSource } from './source.js';

/** How MNIST names its files, which has no validation samples. */
const PREFIXES: Readonly<Record<SplitName, string>> = { train: 'train', validation: 'val', test: 't10k' };

/**
 * Writes the files of MNIST, packed by gzip: images idx3 (grey) or idx4 (colour, [count, height, width, channels]) and
 * labels idx1 for each split.
 *
 * @throws {RobleError} `ROBLE_USAGE` for more than 256 classes: a label is one byte
 */
export async function writeIdx(folder: string, source: ExportSource): Promise<void> {
  const { classes } = source.manifest;
  if (classes.length > 256)
    throw new RobleError('ROBLE_USAGE', 'IDX files have no room for the labels.', {
      received: `${classes.length} classes`,
      expected: 'at most 256 classes, because a label is one byte',
      nextSteps: ['Export with --format parquet or --format folder.'],
    });
  await writeFile(join(folder, CLASS_LIST), classListText(classes));
  for (const split of source.splits) await writeSplit(folder, split, source);
}

async function writeSplit(
  folder: string,
  split: SplitName,
  { manifest, samples }: ExportSource,
): Promise<void> {
  const { width, height, channels } = manifest.preprocessing;
  const { count } = manifest.splits[split]!;
  const labels = new Uint8Array(count);
  async function* images() {
    yield channels === 1
      ? header(GREY_MAGIC, [count, height, width])
      : header(COLOUR_MAGIC, [count, height, width, channels]);
    let i = 0;
    for await (const { pixels, label } of samples(split)) {
      labels[i] = label;
      i += 1;
      yield pixels;
    }
  }
  const file = (kind: string) => join(folder, `${PREFIXES[split]}-${kind}-ubyte.gz`);
  await writePacked(file(channels === 1 ? 'images-idx3' : 'images-idx4'), images());
  await writePacked(file('labels-idx1'), [header(LABELS_MAGIC, [count]), labels]);
}

async function writePacked(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  await pipeline(chunks, createGzip(), createWriteStream(path, { flags: 'wx' }));
}

function header(magic: number, sizes: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * sizes.length);
  bytes.writeUInt32BE(magic);
  for (const [i, size] of sizes.entries()) bytes.writeUInt32BE(size, 4 + 4 * i);
  return bytes;
}
