import {
  type InputValues,
  type ModelSpec,
  type Network,
  RobleError,
  type TensorMap,
} from '../../core/plugin/index.js';
import { buildInferenceGraph } from './inference-graph.js';
import { createSession, imageTensor, loadRuntime, type RuntimeOptions, runSession } from './runtime.js';

/** Probabilities, [count, classes], of images [count, height, width, channels]. */
export type Answer = (images: InputValues, count: number) => Promise<Float32Array>;

/** Largest difference of two probabilities that the exported model and the trained one may have. */
const TOLERANCE = 1e-4;

/** Sums of products with larger weights depend on their order in the digits that decide. */
const LARGEST_WEIGHT = 1e4;

/**
 * The classifier as an ONNX model with its batch norms folded, after it has answered as the trained model does.
 *
 * @throws {RobleError} `ROBLE_INTERNAL` where it does not, or `ROBLE_TRAIN_DIVERGED` where its weights are the reason
 */
export async function exportChecked(
  network: Network,
  parameters: TensorMap,
  metadata: Readonly<Record<string, string>>,
  { trained, runtime }: { readonly trained: Answer; readonly runtime: RuntimeOptions },
): Promise<Uint8Array> {
  const model = buildInferenceGraph(network, parameters, { fold: true, metadata });
  const { height, width, channels } = network.input;
  const count = 4;
  const bytes = Uint8Array.from(
    { length: count * height * width * channels },
    (_, i) => (i * 2654435761) >>> 24,
  );
  const images = network.inputType === 'uint8' ? bytes : Float32Array.from(bytes, (byte) => byte / 64 - 2);
  const expected = await trained(images, count);
  const largest = largestOf(parameters);
  if (!expected.every(Number.isFinite))
    throw diverged(`weights up to ${largest}, and outputs that are no numbers`);
  const actual = await answerOnce(network, model, runtime)(images, count);
  const difference = expected.reduce(
    (largest, value, i) => Math.max(largest, Math.abs(value - actual[i]!)),
    0,
  );
  if (difference <= TOLERANCE) return model;
  if (largest >= LARGEST_WEIGHT) throw diverged(`weights up to ${largest}`);
  throw new RobleError('ROBLE_INTERNAL', 'The exported model does not answer as the trained one.', {
    received: `probabilities that differ by ${difference}`,
    expected: `at most ${TOLERANCE}`,
  });
}

function largestOf(parameters: TensorMap): number {
  let largest = 0;
  for (const { data } of Object.values(parameters))
    for (const value of data) {
      if (!Number.isFinite(value)) return Number.POSITIVE_INFINITY;
      largest = Math.max(largest, Math.abs(value));
    }
  return largest;
}

function diverged(received: string): RobleError {
  return new RobleError('ROBLE_TRAIN_DIVERGED', 'The trained weights are too large to compute with.', {
    received,
    expected: `weights below ${LARGEST_WEIGHT}`,
    nextSteps: [
      'Begin a new run with a lower learning rate ("roble train:find-lr" finds one), or with warm-up epochs.',
    ],
  });
}

/** The answer of a classifier in a session of its own. */
export function answerOnce(
  network: Pick<ModelSpec, 'input' | 'inputType'>,
  model: Uint8Array,
  runtime: RuntimeOptions,
): Answer {
  return async (images, count) => {
    const onnx = await loadRuntime();
    const session = await createSession(model, runtime);
    try {
      const tensors = { images: imageTensor(onnx, network, images, count) };
      const { probabilities } = await runSession(session, tensors);
      return probabilities!.data as Float32Array;
    } finally {
      await session.release();
    }
  };
}
