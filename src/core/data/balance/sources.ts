import { type DatasetManifest, SPLITS, type SplitName } from '../dataset/format.js';
import { type Dataset, openDataset } from '../dataset/open.js';
import { checkSamePictures } from '../dataset/same-form.js';
import { RobleError } from '../../base/errors.js';
import type { Preprocessing } from '../../image/settings.js';
import { distinctNames } from '../../base/names.js';
import type { BalanceSettings } from './settings.js';

/** A data set that samples are taken from. */
export interface Source {
  /** Unlike that of any other source. */
  readonly name: string;
  readonly weight: number | undefined;
  /** Drawn by a program: its samples are trained on, and nothing is tested on them where there are real ones. */
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

/** Whether `data:synth` drew a data set, or one of which another one is the cleaned form. */
function isDrawn(recipe: DatasetManifest['recipe']): boolean {
  const { command, source } = recipe as {
    command?: unknown;
    source?: { recipe?: DatasetManifest['recipe'] };
  };
  if (command === 'data:validate' && source?.recipe) return isDrawn(source.recipe);
  return command === 'data:synth';
}

/** The name of the data set, with a number where another source before it has the same. */
function uniqueName(datasets: readonly Dataset[], i: number): string {
  const { name } = datasets[i]!.manifest;
  const before = datasets.slice(0, i).filter(({ manifest }) => manifest.name === name).length;
  return before === 0 ? name : `${name}-${before + 1}`;
}
