import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { ByteReader } from '../../base/storage/byte-reader.js';
import { streamPlainFile } from '../../base/storage/read-file.js';
import type { DatasetPart, SampleProvenance, SplitName } from './format.js';
import type { Dataset } from './open.js';
import { changedFile, readChecked } from './parts.js';

/** One sample of a data set. */
export interface PackedSample {
  /** uint8, [height, width, channels] */
  readonly pixels: Uint8Array;
  /** An index into the classes. */
  readonly label: number;
  readonly provenance: SampleProvenance;
}

/**
 * The samples of a split in order, without the whole split in memory; none if the data set lacks the split. A part is known
 * to be intact only at its end: if this throws, nothing made of its samples may be kept.
 *
 * @throws {RobleError} `ROBLE_DATASET_INVALID` for a changed file
 */
export async function* streamSplit(
  { folder, manifest }: Dataset,
  split: SplitName,
): AsyncGenerator<PackedSample> {
  const { width, height, channels } = manifest.preprocessing;
  for (const part of manifest.splits[split]?.parts ?? [])
    yield* streamPart(folder, part, width * height * channels);
}

async function* streamPart(folder: string, part: DatasetPart, size: number): AsyncGenerator<PackedSample> {
  const labels = await readChecked(folder, part.labels);
  const lines = (await readChecked(folder, part.samples)).toString('utf8').split('\n');
  if (lines.length - 1 !== part.count)
    throw fewLines(join(folder, part.samples.file), lines.length - 1, part);
  const path = join(folder, part.images.file);
  const reader = new ByteReader(await streamPlainFile(path));
  const hash = createHash('sha256');
  try {
    for (let i = 0; i < part.count; i++) {
      const pixels = await reader.read(size);
      if (pixels.length < size) throw changedFile(path);
      hash.update(pixels);
      const provenance = JSON.parse(lines[i]!) as SampleProvenance;
      yield { pixels, label: labels.readUInt16LE(2 * i), provenance };
    }
    if ((await reader.drain()) > 0 || hash.digest('hex') !== part.images.sha256) throw changedFile(path);
  } finally {
    reader.close();
  }
}

function fewLines(path: string, received: number, { count }: DatasetPart): RobleError {
  return new RobleError('ROBLE_DATASET_INVALID', `${path} does not say where every sample came from.`, {
    received: `${received} lines`,
    expected: `${count} lines, one for each sample`,
  });
}
