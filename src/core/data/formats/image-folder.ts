import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { optional } from '../../base/collections.js';
import { RobleError } from '../../base/errors.js';
import { mapOrdered } from '../../base/map-ordered.js';
import { ENCODING_STEP } from '../../base/storage/text-file.js';
import { countOf, examples } from '../../base/text/text.js';
import { describeOthers, type FoundPictures, findPictures } from '../../image/find-images.js';
import { encodePng } from '../../image/png.js';
import {
  CLASS_LIST,
  classListText,
  classOfFolder,
  folderNames,
  readClassList,
} from '../dataset/class-names.js';
import type { SplitName } from '../dataset/format.js';
import type { PackedSample } from '../dataset/stream.js';
import { type ClassFolders, classFolderOf, classFoldersOf } from './folder-layout.js';
import { type ExportSource, paddedNumber, type ReaderOptions, type SourceItem } from './source.js';

/**
 * Reads a folder for each class: `CLASS/...`, or `train/CLASS/...` and `val/CLASS/...` with splits. A class
 * folder may be named by the codes of its characters (`U+0041`), for classes that are no file names or differ only in
 * case. A `classes.txt` at the top gives the order of the classes. A warning counts other files by kind.
 *
 * @throws {RobleError} `ROBLE_SOURCE_UNKNOWN` if the top folders may be classes or splits. A picture outside the class
 *   folders is a bad sample, and so is one that cannot be read.
 */
export async function* readImageFolder(path: string, options: ReaderOptions): AsyncGenerator<SourceItem> {
  if (options.groupBy !== undefined && options.groupBy !== 'none')
    throw new RobleError('ROBLE_USAGE', 'A folder of images has no field to group by.', {
      received: options.groupBy,
      expected: 'a CSV or Parquet file with such a column, or strokes',
    });
  const listed =
    options.classes === undefined
      ? await readClassList(path, { encoding: options.encoding, nextStep: ENCODING_STEP })
      : undefined;
  if (listed) yield { classes: listed };
  const found = await findPictures(path, {
    followLinks: !options.confined,
    isOwn: (file) => file === CLASS_LIST,
  });
  const others = describeOthers(found);
  if (others !== undefined) yield { warning: others };
  for (const { path: source, error } of found.unusable) yield { source, error };
  const folders = classFoldersOf(path, found.pictures, options.topFolders);
  const empty = emptyFolders(found, folders);
  if (empty.length > 0)
    yield { warning: `${countOf(empty.length, 'class folder')} without a picture: ${examples(empty)}` };
  const labels = labelsOf(options.classes ?? listed);
  for (const source of found.pictures) yield pictureItem(path, source, folders, labels, options.split);
}

/** The class of each folder, as one string for all of its pictures. */
function labelsOf(classes: readonly string[] | undefined): (folder: string) => string {
  const known = new Map<string, string>();
  return (folder) => {
    const label = known.get(folder) ?? classOfFolder(folder, classes);
    known.set(folder, label);
    return label;
  };
}

function pictureItem(
  root: string,
  source: string,
  folders: ClassFolders,
  labelOf: (folder: string) => string,
  given: SplitName | undefined,
): SourceItem {
  const found = classFolderOf(source, folders);
  if (!found)
    return {
      source,
      error: new RobleError('ROBLE_LABEL_MISSING', 'The picture lies in no class folder.', {
        expected: folders.splits ? 'SPLIT/CLASS/picture' : 'CLASS/picture',
      }),
    };
  return {
    source,
    label: labelOf(found.name),
    ...optional('split', given ?? found.split),
    picture: { kind: 'encoded', from: join(root, source) },
  };
}

/** Folders that would be classes if they held pictures. */
function emptyFolders({ folders, pictures }: FoundPictures, layout: ClassFolders): string[] {
  const full = new Set(pictures.map((path) => classFolderOf(path, layout)?.path));
  return folders.filter((folder) => {
    const found = classFolderOf(`${folder}/any picture`, layout);
    return found?.path === folder && !full.has(folder);
  });
}

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
