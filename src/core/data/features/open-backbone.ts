import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { startChild, WorkerDied } from '../../base/process/workers.js';
import { sha256 } from '../../base/storage/durable.js';
import { makeTemporaryFolder } from '../../base/storage/files.js';
import { buildExtractor } from '../../model/backbone/extractor.js';
import {
  inspectBackbone,
  type UsableBackbone,
  usableBackbone,
} from '../../model/backbone/inspect-backbone.js';
import { obtainBackbone } from '../../model/backbone/obtain-backbone.js';
import { type ReadLayers, readLayers } from '../../model/backbone/read-layers.js';
import type { BackboneOrigin, BackboneSettings, UsedBackbone } from '../../model/backbone/settings.js';
import { BUNDLE_FILES } from '../../model/bundle.js';
import { encodeModel, readModel } from '../../model/onnx/format.js';
import type { ImageShape, Layer } from '../../model/spec.js';
import type { PluginEntry } from '../../plugin/contracts.js';
import type { FeatureWorker } from './feature-worker.js';

/** A backbone that has given features. */
export interface OpenedBackbone {
  readonly used: UsedBackbone;
  /** The model that gives features of pictures as they are in the data set; see {@link buildExtractor}. */
  readonly extractor: Uint8Array;
}

/**
 * Makes an extractor of a backbone for the pictures of a data set, and tries it.
 *
 * @throws {RobleError} those of {@link obtainBackbone} and {@link inspectBackbone}, and `ROBLE_BACKBONE_INVALID` where it does
 *   not fit the pictures or cannot be computed
 */
export async function openBackbone(
  settings: BackboneSettings,
  pictures: ImageShape,
  plugins: readonly PluginEntry[],
): Promise<OpenedBackbone> {
  const { name, digest, bytes, found } = await fittingBackbone(settings, pictures);
  const { height, width, channels } = pictures;
  const extractor = encodeModel(buildExtractor(readModel(bytes), found, pictures));
  const length = await tryExtractor(name, extractor, { height, width, channels }, plugins);
  const { mean, deviation } = found.normalization;
  return {
    extractor,
    used: {
      name,
      sha256: digest,
      extractor: sha256(extractor),
      length,
      normalization: { mean: [...mean], deviation: [...deviation] },
      output: found.features.name,
      ...licenceIn(found.metadata),
    },
  };
}

/** A backbone as layers that are trained further, with their weights by `layer.part`. */
export interface ReadBackbone extends ReadLayers {
  readonly used: BackboneOrigin;
}

/**
 * Reads a backbone into layers for the pictures of a data set.
 *
 * @throws {RobleError} those of {@link obtainBackbone}, {@link inspectBackbone} and {@link readLayers}, and
 *   `ROBLE_BACKBONE_INVALID` where it does not fit the pictures
 */
export async function readBackbone(settings: BackboneSettings, pictures: ImageShape): Promise<ReadBackbone> {
  const { name, digest, bytes, found } = await fittingBackbone(settings, pictures);
  const { height, width, channels } = pictures;
  const read = readLayers(bytes, { ...found, input: { ...found.input, height, width } });
  const input = { height, width, channels };
  return {
    ...read,
    input,
    layers: shownInColour(read.layers, found.input.channels, channels),
    used: { name, sha256: digest, ...licenceIn(found.metadata) },
  };
}

/** Layers whose first one, which normalizes each channel by itself, makes all channels of a grey picture. */
function shownInColour(layers: readonly Layer[], wanted: number, channels: number): readonly Layer[] {
  const [first, ...others] = layers;
  if (wanted === channels || first?.type !== 'conv') return layers;
  const { groups: _, ...normalize } = first;
  return [normalize, ...others];
}

async function fittingBackbone(settings: BackboneSettings, pictures: ImageShape) {
  const { name, sha256: digest, bytes } = await obtainBackbone(settings);
  const found = usableBackbone(inspectBackbone(bytes, settings), name);
  checkFit(name, found, pictures);
  return { name, digest, bytes, found };
}

/** @throws {RobleError} `ROBLE_BACKBONE_INVALID` */
function checkFit(name: string, found: UsableBackbone, pictures: ImageShape): void {
  const { input } = found;
  const isFit =
    (input.dynamic.height || pictures.height === input.height) &&
    (input.dynamic.width || pictures.width === input.width) &&
    pictures.channels <= input.channels;
  if (!isFit) throw unfit(name, found, pictures);
}

function unfit(name: string, { input }: UsableBackbone, { height, width, channels }: ImageShape): RobleError {
  const { dynamic } = input;
  const colour = (count: number) => (count === 1 ? 'grey' : 'colour');
  const [wantedWidth, wantedHeight] = [
    dynamic.width ? width : input.width,
    dynamic.height ? height : input.height,
  ];
  return new RobleError(
    'ROBLE_BACKBONE_INVALID',
    `The backbone ${name} does not take the pictures of the data set.`,
    {
      received: `pictures of ${width}x${height} in ${colour(channels)}`,
      expected: `${wantedWidth}x${wantedHeight} in ${colour(input.channels)}`,
      nextSteps: [
        `Import the pictures again with --width ${wantedWidth} --height ${wantedHeight} --channels ${input.channels}.`,
      ],
    },
  );
}

/** What the metadata of a file say about its licence. */
function licenceIn(metadata: Readonly<Record<string, string>>): Pick<UsedBackbone, 'licence'> {
  const found = Object.entries(metadata).find(([key]) => /licen[cs]e/i.test(key));
  return found ? { licence: found[1] } : {};
}

/** How far the features of a picture may depend on those that are computed with it. */
const TOLERANCE = 1e-3;

/**
 * The length of the vectors, by computing those of two pictures, alone and together: a file may be made for a fixed number
 * of pictures, or mix them up.
 */
async function tryExtractor(
  name: string,
  extractor: Uint8Array,
  input: ImageShape,
  plugins: readonly PluginEntry[],
): Promise<number> {
  const folder = await makeTemporaryFolder('backbone');
  const refused = (received: string, cause?: unknown) =>
    new RobleError('ROBLE_BACKBONE_INVALID', `The backbone ${name} gives no features of pictures.`, {
      received,
      expected: 'a vector of finite numbers for each picture, however many there are',
      nextSteps: [`"roble model:inspect ${name}" shows what it takes and gives.`],
      cause,
    });
  await writeFile(join(folder, BUNDLE_FILES.model), extractor);
  const worker = startChild<FeatureWorker>(
    new URL('./feature-worker.js', import.meta.url),
    { plugins, backend: 'onnx', device: 'cpu', threads: 0, extractor: { folder, input, classes: [] } },
    { name: 'A process of features' },
  );
  try {
    const size = input.height * input.width * input.channels;
    const pictures = Uint8Array.from({ length: 2 * size }, (_, i) => (i * 2654435761) >>> 24);
    const both = await worker.call('compute', { pictures, count: 2 });
    const first = await worker.call('compute', { pictures: pictures.slice(0, size), count: 1 });
    const length = both.length / 2;
    if (first.length !== length)
      throw refused(`${first.length} numbers for one picture, ${both.length} for two`);
    if (!both.every(Number.isFinite)) throw refused('numbers that are not finite');
    const scale = first.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    if (first.some((value, i) => Math.abs(value - both[i]!) > TOLERANCE * scale))
      throw refused('other features for a picture alone than beside another one');
    return length;
  } catch (error) {
    if (error instanceof RobleError && !(error instanceof WorkerDied) && error.code !== 'ROBLE_INTERNAL')
      throw error;
    throw refused((error as Error).message, error);
  } finally {
    await worker.kill();
    await rm(folder, { recursive: true, force: true });
  }
}
