import { join } from 'node:path';
import { spreadIndices } from '../../base/collections.js';
import { type Context, refuseInterrupted, withStep } from '../../base/context.js';
import { type Problem, RobleError } from '../../base/errors.js';
import { Random } from '../../base/random.js';
import { createFolder, refuseExisting } from '../../base/storage/durable.js';
import { readPlainFile } from '../../base/storage/read-file.js';
import { countOf, short } from '../../base/text/text.js';
import { type Dataset, type OpenSplit, openDataset, splitOf } from '../../data/dataset/open.js';
import { copySomePictures } from '../../data/dataset/pictures.js';
import { formProblems } from '../../data/dataset/same-form.js';
import { profileOf } from '../../model/answer-profile.js';
import {
  BUNDLE_FILES,
  type BundleContent,
  GOLDEN_SAMPLES,
  GOLDEN_TOLERANCE,
  type ModelBundle,
  openBundle,
  writeBundle,
} from '../../model/bundle.js';
import type { Predictor, QuantizedModel, TrainingEngine } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { openPredictor } from '../../predict/predictor.js';
import { type ComparedAnswers, compareAnswers } from './compare-answers.js';
import { compareSpeed, type SpeedComparison } from './compare-speed.js';

/** Accuracy that may be lost, as a share of the samples. */
const MAX_DROP = 0.005;
/** Pictures for the ranges of activations. */
const CALIBRATION_SAMPLES = 1000;
const BATCH_SIZES = [1, 64];

export interface QuantizeOptions {
  /** Folder of the bundle with floats. */
  readonly bundle: string;
  /** Folder of a data set of the same classes and preprocessing, with the split `train`, and `validation` or `test`. */
  readonly dataset: string;
  /** Folder to create. */
  readonly out: string;
  /** By how much the accuracy may fall at most, 0..1; default 0.005. */
  readonly maxDrop?: number | undefined;
  /** Pictures of the split `train` by which the ranges of activations are found; default 1,000. */
  readonly samples?: number | undefined;
  /** Of the choice of those pictures; default 0. */
  readonly seed?: number | undefined;
}

type Quantization = NonNullable<BundleContent['manifest']['quantization']>;
type Accuracy = Quantization['accuracy'];

/** What became of a quantized model. Plain data. */
export interface QuantizeResult {
  /** The folder that was created. */
  readonly bundle: string;
  /** Folder of the bundle that it was made from. */
  readonly from: string;
  readonly maxDrop: number;
  /** How many of the convolutions and dense layers are computed with integers. */
  readonly layers: QuantizedModel['layers'];
  readonly calibration: Quantization['calibration'];
  readonly accuracy: Accuracy;
  /** Of `model.onnx`. */
  readonly bytes: { readonly before: number; readonly after: number };
  /** For each number of pictures in a request. */
  readonly speed: readonly SpeedComparison[];
}

/**
 * Makes a bundle with 8-bit integers of one with floats: calibrated on pictures of the training split, judged on those of the
 * validation split, or else the test split. The same bundle, data set and seed give the same bytes.
 *
 * @throws {RobleError} `ROBLE_QUANTIZATION_REFUSED` for what cannot be quantized, or becomes less accurate than `maxDrop` allows;
 *   `ROBLE_DATASETS_DIFFER`, `ROBLE_DATASET_SPLIT`, `ROBLE_OUTPUT_EXISTS`, `ROBLE_USAGE`. Then nothing is written.
 * @example
 * const { accuracy } = await quantizeModel({ bundle: 'runs/run-0001/model', dataset: 'data/letters', out: 'models/int8' });
 */
export async function quantizeModel(
  options: QuantizeOptions,
  context: Context & { readonly registry: PluginRegistry },
): Promise<QuantizeResult> {
  const { bundle: from, dataset: data, out } = options;
  const { maxDrop = MAX_DROP, samples = CALIBRATION_SAMPLES, seed = 0 } = options;
  checkNumbers({ maxDrop, samples, seed });
  await refuseExisting(out);
  const source = await openBundle(from);
  const dataset = await openDataset(data);
  const quantize = await quantizerOf(source, context.registry);
  checkForm(source, dataset);
  splitOf(dataset, 'train');
  const split = judgedSplit(dataset);
  const judged = await dataset.open(split);
  const { content, lineage, bytes } = await quantized(
    source,
    dataset,
    { quantize, judged, samples, seed },
    context,
  );
  let result: QuantizeResult | undefined;
  await createFolder(out, async (temporary) => {
    // Judged as whoever takes it will find it; what was seen goes into it afterwards.
    await writeBundle(temporary, content);
    const { compared, speed } = await compareBundles([from, temporary], { split, judged }, context);
    const accuracy = accuracyOf(compared, split);
    if (compared.right.before - compared.right.after > maxDrop * judged.count)
      throw lessAccurate(accuracy, maxDrop);
    const profile = profileOf(compared.answers, source.classes.length);
    const quantization = { ...lineage, accuracy };
    await writeBundle(temporary, { ...content, manifest: { ...content.manifest, profile, quantization } });
    const { layers, calibration } = lineage;
    result = { bundle: out, from, maxDrop, layers, calibration, accuracy, bytes, speed };
  });
  return result!;
}

type Numbers = Readonly<Record<'maxDrop' | 'samples' | 'seed', number>>;

function checkNumbers({ maxDrop, samples, seed }: Numbers): void {
  const refuse = (received: string, expected: string): never => {
    throw new RobleError('ROBLE_USAGE', 'A number is out of its range.', { received, expected });
  };
  if (!(maxDrop >= 0 && maxDrop <= 1)) refuse(`a largest drop of ${maxDrop}`, '0 to 1');
  if (!Number.isInteger(samples) || samples < 1) refuse(`${samples} samples`, 'a whole number from 1');
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    refuse(`the seed ${seed}`, 'a whole number below 2^32');
}

interface QuantizingOptions extends Pick<Numbers, 'samples' | 'seed'> {
  readonly quantize: NonNullable<TrainingEngine['quantize']>;
  readonly judged: OpenSplit;
}

/** The bundle, apart from what is seen of it when it is judged. */
async function quantized(
  source: ModelBundle,
  dataset: Dataset,
  { quantize, judged, samples, seed }: QuantizingOptions,
  context: Context,
) {
  const calibration = await calibrationImages(dataset, samples, seed);
  const golden = someImages(judged, spreadIndices(judged.count, GOLDEN_SAMPLES));
  const model = await readPlainFile(join(source.folder, BUNDLE_FILES.model));
  const made = await withStep(context, 'calibrate', 'Finding the ranges of activations', () =>
    quantize({
      model,
      input: source.input,
      calibration: calibration.images,
      golden: golden.images,
      onImages: (done) => {
        refuseInterrupted(context);
        const { count: total } = calibration;
        context.reporter?.report({ type: 'progress', id: 'calibrate', done, total, unit: 'images' });
      },
    }),
  );
  const tolerance = Math.max(GOLDEN_TOLERANCE, made.golden.tolerance);
  return {
    content: {
      // All that it says of the classifier; what it says of its files is written anew.
      manifest: source.manifest,
      onnx: made.onnx,
      golden: { ...golden, probabilities: made.golden.probabilities, tolerance },
    },
    lineage: {
      from: source.digest,
      ...METHOD,
      layers: made.layers,
      calibration: { dataFingerprint: dataset.manifest.fingerprint, samples: calibration.count, seed },
    },
    bytes: { before: model.length, after: made.onnx.length },
  };
}

/** What two bundles answer and how quick they are, on one thread of this processor, each having given its golden answers. */
async function compareBundles(
  folders: readonly [before: string, after: string],
  { split, judged }: { readonly split: string; readonly judged: OpenSplit },
  context: Context & { readonly registry: PluginRegistry },
): Promise<{ compared: ComparedAnswers; speed: SpeedComparison[] }> {
  const opened: Predictor[] = [];
  try {
    for (const folder of folders) {
      const options = { backend: 'onnx', device: 'cpu', threads: 1 };
      opened.push((await openPredictor(folder, options, context.registry)).predictor);
    }
    const pair = { before: opened[0]!, after: opened[1]! };
    const compared = await withStep(context, 'evaluate', `Comparing both models on the split ${split}`, () =>
      compareAnswers(pair, judged, context),
    );
    const speed = await withStep(context, 'speed', 'Measuring the speed of both', async () => {
      const results: SpeedComparison[] = [];
      for (const size of BATCH_SIZES) {
        refuseInterrupted(context);
        results.push(await compareSpeed(pair, batchOf(judged, size), size));
      }
      return results;
    });
    return { compared, speed };
  } finally {
    for (const predictor of opened) await predictor.close();
  }
}

/** So many pictures, some of them twice where there are fewer. */
function batchOf(judged: OpenSplit, size: number): Uint8Array {
  const samples = Array.from({ length: size }, (_, i) => i % judged.count);
  return copySomePictures(judged.pictures, samples);
}

const METHOD = {
  weights: 'int8 of 7 bits, symmetric, per channel',
  activations: 'uint8, per tensor, from the least to the largest number',
} as const;

/** What quantizes a bundle: the engine that it is of. */
async function quantizerOf(
  { folder, manifest }: ModelBundle,
  registry: PluginRegistry,
): Promise<NonNullable<TrainingEngine['quantize']>> {
  if (manifest.quantization)
    throw new RobleError('ROBLE_QUANTIZATION_REFUSED', `The model in ${folder} is quantized already.`, {
      received: `a model with weights ${manifest.quantization.weights}`,
      expected: 'one with floats',
      nextSteps: [
        `Take the bundle that it was made from, whose model.json has the SHA-256 ${manifest.quantization.from}.`,
      ],
    });
  const engine = await registry.load('training-engine', manifest.training.engine);
  if (engine.quantize) return (request) => engine.quantize!(request);
  throw new RobleError(
    'ROBLE_QUANTIZATION_REFUSED',
    `The engine "${engine.name}" cannot quantize its models.`,
    {
      received: `${folder}, of the engine "${engine.name}"`,
      expected: 'a bundle of the engine "onnx"',
    },
  );
}

/** Calibrated and judged on other pictures than those of the model, it would be another model than it seems. */
function checkForm({ folder, manifest: wanted }: ModelBundle, { folder: path, manifest }: Dataset): void {
  const problems = formProblems(wanted, manifest).map((message): Problem => ({ path, message }));
  if (problems.length === 0) return;
  throw new RobleError(
    'ROBLE_DATASETS_DIFFER',
    `The data set ${path} was not made for the model in ${folder}.`,
    {
      expected: 'the classes, their order and the preprocessing of the model',
      problems,
      nextSteps: ['Name the data set that it was trained on, or import pictures with the same settings.'],
    },
  );
}

/** What the choice between the two models may look at: the test split is for the end. */
function judgedSplit(dataset: Dataset): 'validation' | 'test' {
  if (dataset.manifest.splits.validation || !dataset.manifest.splits.test) {
    splitOf(dataset, 'validation');
    return 'validation';
  }
  return 'test';
}

/** Some pictures of the training split, by chance. */
async function calibrationImages(dataset: Dataset, limit: number, seed: number) {
  const train = await dataset.open('train');
  const order = new Random(seed, 'calibrate').permutation(train.count);
  return someImages(train, order.subarray(0, limit));
}

function someImages({ pictures }: OpenSplit, samples: ArrayLike<number>) {
  return { count: samples.length, images: copySomePictures(pictures, samples) };
}

function accuracyOf({ right, equal, answers }: ComparedAnswers, split: 'validation' | 'test') {
  const samples = answers.length;
  return {
    split,
    samples,
    before: right.before / samples,
    after: right.after / samples,
    agreement: equal / samples,
  };
}

function lessAccurate({ split, samples, before, after }: Accuracy, maxDrop: number): RobleError {
  return new RobleError(
    'ROBLE_QUANTIZATION_REFUSED',
    'The quantized model is less accurate than it may be.',
    {
      received: `an accuracy of ${short(after)} after ${short(before)}, on ${countOf(samples, 'sample')} of the split ${split}: ${short(before - after)} less`,
      expected: `at most ${maxDrop} less`,
      nextSteps: [
        'Calibrate with more pictures (--samples), allow more (--max-drop), or keep the model with floats.',
      ],
    },
  );
}
