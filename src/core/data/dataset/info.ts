import type { Preprocessing } from '../../image/settings.js';
import { SPLITS, type SplitName, splitCounts } from './format.js';
import { openDataset } from './open.js';
import { pictureAt } from './pictures.js';

export interface DatasetDescription {
  readonly folder: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly preprocessing: Preprocessing;
  readonly count: number;
  readonly splits: Partial<Record<SplitName, number>>;
  /** How many samples each class has in each split. */
  readonly classes: readonly ({ readonly name: string } & Partial<Record<SplitName, number>>)[];
  readonly recipe: Readonly<Record<string, unknown>>;
}

/**
 * What a data set holds, from its manifest alone.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_DATASET_INVALID`
 */
export async function describeDataset(folder: string): Promise<DatasetDescription> {
  const { manifest } = await openDataset(folder);
  const splits = splitCounts(manifest);
  const present = SPLITS.filter((split) => splits[split] !== undefined);
  return {
    folder,
    name: manifest.name,
    fingerprint: manifest.fingerprint,
    preprocessing: manifest.preprocessing,
    count: Object.values(splits).reduce((a, b) => a + b, 0),
    splits,
    classes: manifest.classes.map((name, label) => ({
      name,
      ...Object.fromEntries(present.map((split) => [split, manifest.splits[split]!.perClass[label]!])),
    })),
    recipe: manifest.recipe,
  };
}

/**
 * The first images of each class, class by class, for a contact sheet.
 *
 * @returns `classes * perClass` pictures, uint8 [height, width, channels]; `undefined` if a class has no more
 * @throws {RobleError} `ROBLE_DATASET_SPLIT`, `ROBLE_DATASET_INVALID`
 */
export async function sampleImages(
  folder: string,
  split: SplitName,
  perClass: number,
): Promise<(Uint8Array | undefined)[]> {
  const dataset = await openDataset(folder);
  const { pictures, labels } = await dataset.open(split);
  const classes = dataset.manifest.classes.length;
  const shown = new Array<Uint8Array | undefined>(classes * perClass).fill(undefined);
  const found = new Array<number>(classes).fill(0);
  for (const [i, label] of labels.entries()) {
    if (found[label]! === perClass) continue;
    shown[label * perClass + found[label]!] = pictureAt(pictures, i);
    found[label]! += 1;
  }
  return shown;
}
