import type { InferenceSession } from 'onnxruntime-node';
import { RobleError } from '../../core/plugin/index.js';

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
  return typeof model === 'string'
    ? InferenceSession.create(model, sessionOptions)
    : InferenceSession.create(model, sessionOptions);
}
