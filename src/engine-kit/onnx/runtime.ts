import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { withMemoryErrors } from '../memory-errors.js';
import { CPU, deviceOptions, type OnnxDevice } from './device.js';

/**
 * ONNX Runtime; loading its native part takes a tenth of a second, so it happens at the first use. Its telemetry, which
 * is on by default and sends what it counts to its maker, stays off unless the user has set the variable.
 */
export function loadRuntime(): Promise<typeof import('onnxruntime-node')> {
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  return import('onnxruntime-node');
}

export interface RuntimeOptions {
  readonly threads: number;
  /** The CPU by default. */
  readonly device?: OnnxDevice;
  /** Outputs that stay on the device, where it can keep them, for the next run to take them as inputs. */
  readonly resident?: readonly string[];
}

/**
 * How GPU drivers and their libraries word a lack of memory, and WebGPU a tensor beyond what it can bind. A device that is
 * lost is none of these: a smaller batch does not bring it back, another process may.
 */
export const GPU_MEMORY_WORDS =
  /VK_ERROR_OUT_OF_(?:DEVICE|HOST|POOL)_MEMORY|E_OUTOFMEMORY|maxStorageBufferBindingSize|maxBufferSize|ALLOC_FAILED|cudaErrorMemoryAllocation/i;

/** A session on a model given as bytes or as a path. Its `run` blocks the calling thread. */
export async function createSession(
  model: Uint8Array | string,
  { threads, device = CPU, resident = [] }: RuntimeOptions,
): Promise<InferenceSession> {
  const { InferenceSession } = await loadRuntime();
  const sessionOptions: InferenceSession.SessionOptions = {
    ...deviceOptions(device, resident),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  };
  return withMemoryErrors(
    'onnx',
    () =>
      typeof model === 'string'
        ? InferenceSession.create(model, sessionOptions)
        : InferenceSession.create(model, sessionOptions),
    GPU_MEMORY_WORDS,
  );
}

export type Tensors = Readonly<Record<string, Tensor>>;

/** Gives back the memory of tensors on a device; the runtime's garbage collector knows only those on the CPU. */
export function discard(tensors: Tensors): void {
  for (const tensor of Object.values(tensors)) if (tensor.location !== 'cpu') tensor.dispose();
}

/**
 * Runs a session on those of the tensors that it takes.
 *
 * @throws {RobleError} `ROBLE_OUT_OF_MEMORY`
 */
export function runSession(session: InferenceSession, tensors: Tensors): Promise<Tensors> {
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, tensors[name]!]));
  return withMemoryErrors(
    'onnx',
    () => session.run(feeds) as Promise<InferenceSession.OnnxValueMapType & Record<string, Tensor>>,
    GPU_MEMORY_WORDS,
  );
}
