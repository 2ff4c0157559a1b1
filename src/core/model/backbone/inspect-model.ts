import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { exists } from '../../base/storage/files.js';
import { readPlainFile } from '../../base/storage/read-file.js';
import { BUNDLE_FILES, openBundle } from '../bundle.js';
import { MAX_MODEL_BYTES } from '../onnx/format.js';
import type { ImageShape } from '../spec.js';
import { type BackboneDescription, type BackboneOverrides, inspectBackbone } from './inspect-backbone.js';
import { readLayers } from './read-layers.js';

export interface InspectOptions extends BackboneOverrides {
  /** An ONNX file, or the folder of a bundle. */
  readonly file: string;
}

/** Whether a backbone can be read as layers, so that all of it can be trained and not only a head on its features. */
export type Trainability =
  | { readonly trainable: true; readonly tensors: number }
  | { readonly trainable: false; readonly reason: string };

/** What a file is. */
export type InspectedModel =
  | ({ readonly kind: 'onnx'; readonly file: string; readonly layers: Trainability } & BackboneDescription)
  | {
      /** Of roble's own: it is used whole. */
      readonly kind: 'bundle';
      readonly folder: string;
      readonly name: string;
      readonly input: ImageShape;
      readonly classes: readonly string[];
    };

/**
 * What an ONNX file or a bundle is, and what it could be used as.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_ONNX_INVALID`, `ROBLE_BUNDLE_INVALID`, `ROBLE_USAGE`
 *
 * @example
 * const found = await inspectModel({ file: 'efficientnet-lite0.onnx', normalization: '-1..1' });
 */
export async function inspectModel({ file, ...overrides }: InspectOptions): Promise<InspectedModel> {
  const status = await stat(file).catch((cause) => {
    throw RobleError.from(cause);
  });
  const folder = status.isDirectory() ? file : dirname(file);
  if (status.isDirectory() || (await exists(join(folder, BUNDLE_FILES.manifest)))) {
    const { manifest, input, classes } = await openBundle(folder);
    return { kind: 'bundle', folder, name: manifest.name, input, classes };
  }
  const bytes = await readModelFile(file, status.size);
  const description = inspectBackbone(bytes, overrides);
  return { kind: 'onnx', file, ...description, layers: trainability(bytes, description) };
}

function trainability(bytes: Uint8Array, description: BackboneDescription): Trainability {
  const { input, features, normalization } = description;
  if (!input || !features) return { trainable: false, reason: 'its pictures or its features are not clear.' };
  try {
    const { weights } = readLayers(bytes, { input, features, normalization });
    return { trainable: true, tensors: Object.keys(weights).length };
  } catch (error) {
    if (!(error instanceof RobleError) || error.code !== 'ROBLE_BACKBONE_INVALID') throw error;
    return { trainable: false, reason: error.message };
  }
}

async function readModelFile(file: string, size: number): Promise<Uint8Array> {
  if (size <= MAX_MODEL_BYTES) return readPlainFile(file);
  throw new RobleError('ROBLE_ONNX_INVALID', `${file} is larger than an ONNX file can be.`, {
    received: `${size} bytes`,
    expected: `at most ${MAX_MODEL_BYTES} bytes`,
  });
}
