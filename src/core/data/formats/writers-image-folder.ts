import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { encodePng } from '../../image/encode-png.js';
import { CLASS_LIST, classListText } from '../dataset/class-list.js';
import type { SplitName } from '../dataset/format.js';
import { mapOrdered } from '../../base/map-ordered.js';
import { folderNames } from '../dataset/safe-names.js';
import type { PackedSample } from '../dataset/stream.js';
import { type ExportSource, paddedNumber } from './source.js';

/**
 * Writes a PNG for each sample, `SPLIT/CLASS/00017.png`, as torchvision's ImageFolder and others read them. The number is
 * that of the sample in its split.
 */
export async function writeImageFolder(folder: string, source: ExportSource): Promise<void> {
  const { classes } = source.manifest;
  await writeFile(join(folder, CLASS_LIST), classListText(classes));
  const names = folderNames(classes);
  for (const split of source.splits) await writeSplit(join(folder, split), names, split, source);
}

async function writeSplit(
  folder: string,
  names: readonly string[],
  split: SplitName,
  { manifest, samples }: ExportSource,
): Promise<void> {
  const { count, perClass } = manifest.splits[split]!;
  for (const [label, name] of names.entries())
    if (perClass[label]! > 0) await mkdir(join(folder, name), { recursive: true });
  const write = async ({ pixels, label, number }: Numbered) => {
    const png = await encodePng(pixels, manifest.preprocessing);
    await writeFile(join(folder, names[label]!, `${paddedNumber(number, count)}.png`), png, { flag: 'wx' });
  };
  for await (const _ of mapOrdered(numbered(samples(split)), 2 * availableParallelism(), write));
}

type Numbered = PackedSample & { readonly number: number };

async function* numbered(samples: AsyncIterable<PackedSample>): AsyncGenerator<Numbered> {
  let number = 0;
  for await (const sample of samples) {
    yield { ...sample, number };
    number += 1;
  }
}
