import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { RobleError } from '../../core/plugin/index.js';
import { withMemoryErrors } from '../training/memory-errors.js';

/** ONNX Runtime; loading its native part takes a tenth of a second, so it happens at the first use. */
export function loadRuntime(): Promise<typeof import('onnxruntime-node')> {
  return import('onnxruntime-node');
}

export interface RuntimeOptions {
  readonly threads: number;
  readonly device?: string;
}

/** A session on a model given as bytes or as a path. Its `run` blocks the calling thread. */
export async function createSession(
  model: Uint8Array | string,
  options: RuntimeOptions,
): Promise<InferenceSession> {
  const device = options.device ?? 'cpu';
  if (device !== 'cpu')
    throw new RobleError(
      'ROBLE_DEVICE_UNAVAILABLE',
      `The engine "onnx" cannot use the device "${device}" here.`,
      {
        received: device,
        expected: 'cpu',
      },
    );
  const { InferenceSession } = await loadRuntime();
  const sessionOptions: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  };
  return withMemoryErrors('onnx', () =>
    typeof model === 'string'
      ? InferenceSession.create(model, sessionOptions)
      : InferenceSession.create(model, sessionOptions),
  );
}

/**
 * Runs a session on those of the tensors that it takes.
 *
 * @throws {RobleError} `ROBLE_OUT_OF_MEMORY`
 */
export function runSession(
  session: InferenceSession,
  tensors: Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<string, Tensor>>> {
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, tensors[name]!]));
  return withMemoryErrors(
    'onnx',
    () => session.run(feeds) as Promise<InferenceSession.OnnxValueMapType & Record<string, Tensor>>,
  );
}
