import { join } from 'node:path';
import { sha256, writeSynced } from '../../base/storage/durable.js';
import { type DatasetManifest, type DatasetPart, filesOf, SPLITS, type SplitName } from './format.js';

/** The parts of a split, in order, and how many samples of each class are in them. */
export interface SplitContent {
  readonly parts: DatasetPart[];
  readonly perClass: number[];
}

/** The manifest of a data set whose parts are written. */
export function manifestOf(
  about: Pick<DatasetManifest, 'name' | 'preprocessing' | 'recipe'> & { readonly classes: readonly string[] },
  content: Partial<Record<SplitName, SplitContent>>,
): DatasetManifest {
  const splits: DatasetManifest['splits'] = {};
  for (const split of SPLITS) {
    const found = content[split];
    if (!found) continue;
    const count = found.parts.reduce((sum, part) => sum + part.count, 0);
    splits[split] = { count, perClass: found.perClass, parts: found.parts };
  }
  const hashes = SPLITS.map((split) => [
    split,
    (splits[split]?.parts ?? []).map((part) => filesOf(part).map((file) => file.sha256)),
  ]);
  const { name, classes, preprocessing, recipe } = about;
  return {
    format: 'roble-dataset',
    version: 1,
    name,
    classes: [...classes],
    preprocessing,
    splits,
    recipe,
    fingerprint: sha256(JSON.stringify([classes, preprocessing, hashes])),
  };
}

/** Writes `dataset.json`, the last file of a data set. */
export async function writeManifest(folder: string, manifest: DatasetManifest): Promise<void> {
  await writeSynced(join(folder, 'dataset.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
