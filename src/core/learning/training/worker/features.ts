import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Reporter, withStep } from '../../../base/context.js';
import { RobleError } from '../../../base/errors.js';
import { cacheFolder } from '../../../base/storage/cache.js';
import { type FolderLock, takeLock } from '../../../base/storage/folder-lock.js';
import type { TensorMap } from '../../../base/storage/safetensors.js';
import type { DatasetManifest } from '../../../data/dataset/format.js';
import type { OpenSplit } from '../../../data/dataset/open.js';
import { copyPictures } from '../../../data/dataset/pictures.js';
import { extractFeatures, type PictureSource } from '../../../data/features/extract-features.js';
import { FeatureStore, valuesFile } from '../../../data/features/feature-store.js';
import { FeatureReader, type FeatureTable } from '../../../data/features/feature-table.js';
import type { UsedBackbone } from '../../../model/backbone/settings.js';
import type { PluginEntry } from '../../../plugin/contracts.js';
import { RUN_FILES } from '../../history/record.js';
import { batchAugmentation } from '../batches/augmentation.js';
import type { RunRequest } from '../run/folder.js';
import { STANDARDIZE } from '../run/head.js';

/** What a head learns from. */
export interface RunFeatures {
  readonly training: FeatureTable;
  readonly validation: FeatureTable;
}

export interface Surroundings extends Reporter {
  readonly plugins: readonly PluginEntry[];
  readonly shouldStop: () => boolean;
}

/**
 * The features of the pictures of a run, computed where the store lacks them: those of each view of the training
 * pictures, and those of the validation pictures as they are.
 *
 * @returns undefined when asked to stop; what was computed by then is kept
 */
export async function featuresOfRun(
  request: RunRequest & { readonly backbone: UsedBackbone },
  manifest: DatasetManifest,
  { training, validation }: { readonly training: OpenSplit; readonly validation: OpenSplit },
  surroundings: Surroundings,
): Promise<RunFeatures | undefined> {
  const { backbone } = request;
  const folder = join(cacheFolder(), 'features', backbone.extractor);
  const store = await FeatureStore.open(folder, backbone.length);
  let lock: FolderLock | undefined;
  try {
    lock = await turn(folder, surroundings);
    if (!lock) return undefined;
    const sources = await sourcesOf(request, manifest, { training, validation }, surroundings.plugins);
    const rows = await withStoppableStep(surroundings, 'features', 'Computing features', () =>
      extractFeatures(together(sources), store, options(request, manifest, surroundings)),
    );
    if (!rows) return undefined;
    const table = (count: number, part: Uint32Array): FeatureTable => {
      const shared = new Uint32Array(new SharedArrayBuffer(part.byteLength));
      shared.set(part);
      return { file: valuesFile(folder), length: backbone.length, count, rows: shared };
    };
    const learned = sources.training.count;
    return {
      training: table(training.count, rows.subarray(0, learned)),
      validation: table(validation.count, rows.subarray(learned)),
    };
  } finally {
    await store.close();
    await lock?.release();
  }
}

class Stopped extends Error {}

/** Reports a step around a piece of work, which has failed where it gives nothing because it was asked to stop. */
export async function withStoppableStep<T>(
  { report }: Pick<Surroundings, 'report'>,
  id: string,
  title: string,
  work: () => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await withStep({ reporter: { report } }, id, title, async () => {
      const result = await work();
      if (result === undefined) throw new Stopped();
      return result;
    });
  } catch (error) {
    if (error instanceof Stopped) return undefined;
    throw error;
  }
}

/** The store, when nobody else adds to it; undefined when asked to stop before. */
async function turn(folder: string, { report, shouldStop }: Surroundings): Promise<FolderLock | undefined> {
  for (let tries = 0; ; tries++) {
    try {
      return await takeLock(folder);
    } catch (error) {
      if (!(error instanceof RobleError) || error.code !== 'ROBLE_FOLDER_LOCKED') throw error;
      if (tries === 0)
        report({ type: 'note', message: 'Another run computes features of this backbone: waiting for it.' });
    }
    if (shouldStop()) return undefined;
    await sleep(1000);
  }
}

interface Sources {
  readonly training: PictureSource;
  readonly validation: PictureSource;
}

/** Each view of the training pictures, one view after another, and the validation pictures. */
async function sourcesOf(
  { train }: RunRequest,
  manifest: DatasetManifest,
  { training, validation }: { readonly training: OpenSplit; readonly validation: OpenSplit },
  plugins: readonly PluginEntry[],
): Promise<Sources> {
  const augmentation = batchAugmentation(train.augment, manifest, plugins);
  const own = splitSource(training);
  if (!augmentation) return { training: own, validation: splitSource(validation) };
  const { BatchAugmenter } = await import('../batches/augmentation.js');
  const augmenter = await BatchAugmenter.open(augmentation, { ...training, seed: train.seed });
  const changed = new Uint8Array(training.pictures.size);
  const views: PictureSource = {
    count: training.count * train.views,
    pictureAt(index) {
      const view = Math.floor(index / training.count);
      if (view === 0) return own.pictureAt(index);
      augmenter.write(changed, index % training.count, view);
      return changed;
    },
  };
  return { training: views, validation: splitSource(validation) };
}

function splitSource({ pictures, count }: OpenSplit): PictureSource {
  return { count, pictureAt: (index) => copyPictures(pictures, index, index + 1) };
}

function together({ training, validation }: Sources): PictureSource {
  return {
    count: training.count + validation.count,
    pictureAt: (index) =>
      index < training.count ? training.pictureAt(index) : validation.pictureAt(index - training.count),
  };
}

function options(
  { run, train }: RunRequest,
  { preprocessing }: DatasetManifest,
  { plugins, report, shouldStop }: Surroundings,
) {
  const { height, width, channels } = preprocessing;
  return {
    plugins,
    backend: 'onnx',
    device: train.device,
    extractor: { folder: join(run, RUN_FILES.backbone), input: { height, width, channels }, classes: [] },
    processes: train.device === 'cpu' ? train.threads || availableParallelism() : 1,
    onProgress: (done: number, total: number) =>
      report({ type: 'progress', id: 'features', done, total, unit: 'pictures' }),
    shouldStop,
  };
}

/** The mean and the variance of each number over the training pictures, as the layer that standardizes them has them. */
export function standardization({ training }: RunFeatures): TensorMap {
  const { count, length } = training;
  const reader = new FeatureReader(training);
  try {
    const [sum, squares] = [new Float64Array(length), new Float64Array(length)];
    const vector = new Float32Array(length);
    const mean = new Float32Array(length);
    const variance = new Float32Array(length);
    for (let i = 0; i < count; i++) {
      reader.read(vector, i, 0);
      for (let k = 0; k < length; k++) sum[k]! += vector[k]!;
    }
    for (let k = 0; k < length; k++) mean[k] = sum[k]! / count;
    for (let i = 0; i < count; i++) {
      reader.read(vector, i, 0);
      for (let k = 0; k < length; k++) squares[k]! += (vector[k]! - sum[k]! / count) ** 2;
    }
    // A number that is the same for all pictures says nothing, and is not to be blown up.
    for (let k = 0; k < length; k++) variance[k] = squares[k]! / count || 1;
    const tensor = (data: Float32Array) => ({ shape: [length], data });
    return { [`${STANDARDIZE}.mean`]: tensor(mean), [`${STANDARDIZE}.variance`]: tensor(variance) };
  } finally {
    reader.close();
  }
}
