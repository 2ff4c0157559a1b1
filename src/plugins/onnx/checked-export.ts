import { type Network, RobleError, type TensorMap } from '../../core/plugin/index.js';
import { buildInferenceGraph } from './inference-graph.js';
import { createSession, loadRuntime, type RuntimeOptions, runSession } from './runtime.js';

/** Probabilities, [count, classes], of uint8 images [count, height, width, channels]. */
export type Answer = (images: Uint8Array, count: number) => Promise<Float32Array>;

/** Largest difference of two probabilities that the exported model and the trained one may have. */
const TOLERANCE = 1e-4;

/**
 * The classifier as an ONNX model with its batch norms folded, after it has answered as the trained model does.
 *
 * @throws {RobleError} `ROBLE_INTERNAL` where it does not
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
  const images = Uint8Array.from(
    { length: count * height * width * channels },
    (_, i) => (i * 2654435761) >>> 24,
  );
  const expected = await trained(images, count);
  const actual = await answerOnce(network, model, runtime)(images, count);
  const difference = expected.reduce(
    (largest, value, i) => Math.max(largest, Math.abs(value - actual[i]!)),
    0,
  );
  if (difference <= TOLERANCE) return model;
  throw new RobleError('ROBLE_INTERNAL', 'The exported model does not answer as the trained one.', {
    received: `probabilities that differ by ${difference}`,
    expected: `at most ${TOLERANCE}`,
  });
}

/** The answer of a classifier in a session of its own. */
export function answerOnce(network: Network, model: Uint8Array, runtime: RuntimeOptions): Answer {
  return async (images, count) => {
    const { Tensor } = await loadRuntime();
    const { height, width, channels } = network.input;
    const session = await createSession(model, runtime);
    try {
      const tensor = new Tensor('uint8', images, [count, height, width, channels]);
      const { probabilities } = await runSession(session, { images: tensor });
      return probabilities!.data as Float32Array;
    } finally {
      await session.release();
    }
  };
}
