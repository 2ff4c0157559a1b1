import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { optional } from '../base/collections.js';
import { RobleError } from '../base/errors.js';
import { checked, checkedJson } from '../base/schema/checked.js';
import { replaceFolder, sha256, writeSynced } from '../base/storage/durable.js';
import { absentAsUndefined, isAbsent } from '../base/storage/files.js';
import { readPlainFile } from '../base/storage/read-file.js';
import { decodeSafetensors, encodeSafetensors, type TensorMap } from '../base/storage/safetensors.js';
import { usedPluginSchema } from '../base/used-plugin.js';
import { preprocessingSchema } from '../image/settings.js';
import { answerProfileSchema } from './answer-profile.js';
import { backboneOriginSchema, usedBackboneSchema } from './backbone/settings.js';
import { type ImageShape, type Layer, layerSchema, type ModelSpec } from './spec.js';

export const BUNDLE_FILES = {
  manifest: 'model.json',
  model: 'model.onnx',
  weights: 'weights.safetensors',
  goldenImages: 'golden-images.bin',
  goldenProbabilities: 'golden-probabilities.bin',
} as const;

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** Pictures whose answers a bundle keeps. */
export const GOLDEN_SAMPLES = 16;

/** How far a probability may be from the golden one: room for another processor's order of summation. */
export const GOLDEN_TOLERANCE = 1e-4;

/** Where a quantized model comes from, and what became of it. */
const quantizationSchema = z.strictObject({
  /** The bundle that it was made from, by the SHA-256 of its `model.json`. */
  from: digest,
  /** How numbers became integers, for people. */
  weights: z.string(),
  activations: z.string(),
  layers: z.strictObject({ quantized: z.int().positive(), all: z.int().positive() }),
  /** The pictures by which the ranges of activations were found, all of the split `train`. */
  calibration: z.strictObject({ dataFingerprint: digest, samples: z.int().positive(), seed: z.int() }),
  /** On the same samples, of the model with floats and of this one. */
  accuracy: z.strictObject({
    split: z.enum(['validation', 'test']),
    samples: z.int().positive(),
    before: z.number(),
    after: z.number(),
    agreement: z.number(),
  }),
});

/** `model.json`: all that is needed to use `model.onnx`, and to know where it comes from. */
const bundleManifestSchema = z.strictObject({
  format: z.literal('roble-model'),
  version: z.literal(1),
  name: z.string().min(1),
  classes: z.array(z.string()).min(2),
  preprocessing: preprocessingSchema,
  /** The trained network whose features the layers learned from. */
  backbone: usedBackboneSchema.optional(),
  /** The layers, as in the configuration; with a backbone, those after it. */
  architecture: z.array(z.record(z.string(), z.unknown())),
  training: z.strictObject({
    epoch: z.int().positive(),
    step: z.int().positive(),
    metrics: z.record(z.string(), z.number()),
    dataFingerprint: digest,
    engine: z.string(),
    /** The trained network whose layers it began with. */
    backbone: backboneOriginSchema.optional(),
    /** The plugins from outside that had a part in it. */
    plugins: z.array(usedPluginSchema).optional(),
  }),
  /** How it answers the validation data; older bundles have none. */
  profile: answerProfileSchema.optional(),
  /** Of a model with 8-bit integers; `training` is about the one that it was made from. */
  quantization: quantizationSchema.optional(),
  /** `tolerance`: how far a probability may be from the golden one, instead of {@link GOLDEN_TOLERANCE}. */
  golden: z.strictObject({ count: z.int().positive(), tolerance: z.number().positive().optional() }),
  files: z.record(z.string(), digest),
});
export type BundleManifest = z.output<typeof bundleManifestSchema>;

/** A bundle whose files are what they were when it was written. */
export interface ModelBundle extends ServableModel {
  readonly manifest: BundleManifest;
  /** SHA-256 of `model.json`, which holds the hashes of the other files: names the whole bundle. */
  readonly digest: string;
  readonly golden: GoldenAnswers;
}

/** Pictures with what the model answered. */
export interface GoldenAnswers {
  readonly count: number;
  /** uint8, [count, height, width, channels]. */
  readonly images: Uint8Array;
  /** float32, [count, classes]. */
  readonly probabilities: Float32Array;
  /** How far a probability may be from the golden one, if not {@link GOLDEN_TOLERANCE}. */
  readonly tolerance?: number | undefined;
}

export interface BundleContent {
  readonly manifest: Omit<BundleManifest, 'format' | 'version' | 'files' | 'golden'>;
  readonly onnx: Uint8Array;
  /** Parameters and running statistics, to train on from: `onnx` has its batch norms folded into other weights. A quantized model has none. */
  readonly weights?: TensorMap;
  readonly golden: GoldenAnswers;
}

/** Writes a bundle into a folder, all at once; one that is there already stays until the new one is complete. */
export async function writeBundle(folder: string, content: BundleContent): Promise<void> {
  const { golden, weights } = content;
  const files: Record<string, Uint8Array> = {
    [BUNDLE_FILES.model]: content.onnx,
    ...(weights && { [BUNDLE_FILES.weights]: encodeSafetensors(weights, { format: 'roble-weights' }) }),
    [BUNDLE_FILES.goldenImages]: golden.images,
    [BUNDLE_FILES.goldenProbabilities]: new Uint8Array(
      golden.probabilities.buffer,
      golden.probabilities.byteOffset,
      golden.probabilities.byteLength,
    ),
  };
  const manifest = bundleManifestSchema.parse({
    format: 'roble-model',
    version: 1,
    ...content.manifest,
    golden: { count: golden.count, ...optional('tolerance', golden.tolerance) },
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)])),
  });
  await replaceFolder(folder, async (temporary) => {
    for (const [name, bytes] of Object.entries(files)) await writeSynced(join(temporary, name), bytes);
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    await writeSynced(join(temporary, BUNDLE_FILES.manifest), text);
    await writeSynced(
      join(temporary, `${BUNDLE_FILES.manifest}.sha256`),
      `${sha256(text)}  ${BUNDLE_FILES.manifest}\n`,
    );
  });
}

/**
 * Opens a bundle and checks every byte of it.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, or `ROBLE_BUNDLE_INVALID` naming the file that is not what it was.
 */
export async function openBundle(folder: string): Promise<ModelBundle> {
  const text = await readPart(folder, BUNDLE_FILES.manifest);
  const [written] = (await readPart(folder, `${BUNDLE_FILES.manifest}.sha256`)).toString().split(' ');
  if (sha256(text) !== written) throw changed(folder, BUNDLE_FILES.manifest);
  const manifest = checkedJson(
    bundleManifestSchema,
    text.toString(),
    'ROBLE_BUNDLE_INVALID',
    join(folder, BUNDLE_FILES.manifest),
  );
  const contents: Record<string, Buffer> = {};
  for (const name of Object.keys(manifest.files)) contents[name] = await readChecked(folder, manifest, name);
  const probabilities = contents[BUNDLE_FILES.goldenProbabilities];
  const images = contents[BUNDLE_FILES.goldenImages];
  if (!probabilities || !images || !contents[BUNDLE_FILES.model])
    throw new RobleError(
      'ROBLE_BUNDLE_INVALID',
      `${folder} lists no ${BUNDLE_FILES.model} or no golden outputs.`,
    );
  const { width, height, channels } = manifest.preprocessing;
  return {
    folder,
    manifest,
    digest: sha256(text),
    input: { width, height, channels },
    classes: manifest.classes,
    golden: {
      ...manifest.golden,
      images,
      probabilities: new Float32Array(new Uint8Array(probabilities).buffer),
    },
  };
}

/**
 * The weights of a bundle as the trainer knows them, by `layer.part`.
 *
 * @throws {RobleError} `ROBLE_BUNDLE_INVALID` when the bundle has none, as those of older versions.
 */
export async function readWeights({ folder, manifest }: ModelBundle): Promise<TensorMap> {
  if (manifest.quantization)
    throw new RobleError(
      'ROBLE_BUNDLE_INVALID',
      `The bundle ${folder} holds a quantized model, without the float weights.`,
      {
        expected: `the bundle that it was made from, whose model.json has the SHA-256 ${manifest.quantization.from}`,
        nextSteps: [
          'Take that bundle here; or serve this one with the backend "onnx", which needs no weights.',
        ],
      },
    );
  if (manifest.files[BUNDLE_FILES.weights] === undefined)
    throw new RobleError('ROBLE_BUNDLE_INVALID', `The bundle ${folder} has no weights to train on from.`, {
      received: Object.keys(manifest.files).join(', '),
      expected: BUNDLE_FILES.weights,
      nextSteps: ['It was written by an older version of roble: train the model again with this one.'],
    });
  return decodeSafetensors(await readChecked(folder, manifest, BUNDLE_FILES.weights)).tensors;
}

/**
 * The architecture of a bundle.
 *
 * @throws {RobleError} as {@link openBundle}, and `ROBLE_BUNDLE_INVALID` when this version does not know its layers.
 */
export async function layersOfBundle(folder: string): Promise<Layer[]> {
  return layersIn(await openBundle(folder));
}

/**
 * What was trained of a bundle: the whole network, or with a backbone the layers that learned from its features.
 *
 * @throws {RobleError} as {@link layersOfBundle}
 */
export function trainedPartOf(bundle: ModelBundle): ModelSpec {
  const { input, classes, manifest } = bundle;
  const { backbone } = manifest;
  const layers = layersIn(bundle);
  return backbone
    ? {
        input: { height: 1, width: 1, channels: backbone.length },
        inputType: 'float32',
        classes: classes.length,
        layers,
      }
    : { input, classes: classes.length, layers };
}

/**
 * The network of a bundle with its weights, by `layer.part`: to compute it with something else than ONNX.
 *
 * @throws {RobleError} as {@link layersOfBundle} and {@link readWeights}, and `ROBLE_BUNDLE_INVALID` where only ONNX has all
 *   of the network
 */
export async function readTrainedModel(folder: string): Promise<{ model: ModelSpec; weights: TensorMap }> {
  const bundle = await openBundle(folder);
  const { backbone } = bundle.manifest;
  if (backbone)
    throw new RobleError(
      'ROBLE_BUNDLE_INVALID',
      `The model in ${folder} can be computed from its ONNX file alone.`,
      {
        received: `a model on the backbone ${backbone.name}`,
        expected: 'a network that roble trained as a whole',
        nextSteps: ['Use the backend "onnx".'],
      },
    );
  return { model: trainedPartOf(bundle), weights: await readWeights(bundle) };
}

function layersIn({ folder, manifest }: ModelBundle): Layer[] {
  const path = join(folder, BUNDLE_FILES.manifest);
  const message = `${path} holds an architecture that this version of roble does not know.`;
  return checked(z.array(layerSchema).min(1), manifest.architecture, 'ROBLE_BUNDLE_INVALID', message);
}

async function readPart(folder: string, name: string): Promise<Buffer> {
  return readPlainFile(join(folder, name)).catch((cause) => {
    if (!isAbsent(cause)) throw RobleError.from(cause);
    throw new RobleError('ROBLE_FILE_NOT_FOUND', `${folder} is no model bundle: it has no ${name}.`, {
      expected: `a folder with ${Object.values(BUNDLE_FILES).join(', ')}, as "roble train" writes it`,
      cause,
    });
  });
}

async function readChecked(folder: string, { files }: BundleManifest, name: string): Promise<Buffer> {
  const bytes = await readPart(folder, name);
  if (sha256(bytes) !== files[name]) throw changed(folder, name);
  return bytes;
}

function changed(folder: string, name: string): RobleError {
  return new RobleError('ROBLE_BUNDLE_INVALID', `${join(folder, name)} was changed after it was written.`, {
    received: 'another SHA-256',
    expected: 'the SHA-256 in model.json',
    nextSteps: ['Copy the bundle again, or export it again from its run.'],
  });
}

/** What a serving backend needs of a bundle: the verified folder, and the shapes. */
export interface ServableModel {
  /** Folder of the bundle. */
  readonly folder: string;
  readonly input: ImageShape;
  readonly classes: readonly string[];
}

/**
 * The bundle of the run that exported one last.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND` when no run has one.
 */
export async function findNewestBundle(runs: string): Promise<string> {
  const names = await readdir(runs).catch(absentAsUndefined);
  const candidates = await Promise.all(
    (names ?? []).map(async (name) => {
      const folder = join(runs, name, 'model');
      const status = await stat(join(folder, 'model.json')).catch(absentAsUndefined);
      return status && { folder, time: status.mtimeMs };
    }),
  );
  const [newest] = candidates.flatMap((candidate) => candidate ?? []).sort((a, b) => b.time - a.time);
  if (newest) return newest.folder;
  throw new RobleError('ROBLE_FILE_NOT_FOUND', `No run under "${runs}" has exported a model.`, {
    expected: 'a folder runs/RUN/model',
    nextSteps: ['Train one with "roble train", or name a bundle with --model.'],
  });
}
