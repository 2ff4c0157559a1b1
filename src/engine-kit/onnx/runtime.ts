import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { type InputValues, type ModelSpec, RobleError } from '../../core/plugin/index.js';
import { withMemoryErrors } from '../memory-errors.js';

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
  /** Whether operators are fused and replaced by quicker ones; by default they are. */
  readonly optimize?: boolean;
}

/** A session on a model given as bytes or as a path. Its `run` blocks the calling thread. */
export async function createSession(
  model: Uint8Array | string,
  { threads, device = CPU, resident = [], optimize = true }: RuntimeOptions,
): Promise<InferenceSession> {
  const { InferenceSession } = await loadRuntime();
  const sessionOptions: InferenceSession.SessionOptions = {
    ...deviceOptions(device, resident),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimize ? 'all' : 'disabled',
  };
  return withMemoryErrors('onnx', () =>
    typeof model === 'string'
      ? InferenceSession.create(model, sessionOptions)
      : InferenceSession.create(model, sessionOptions),
  );
}

/** The images of a model, [count, height, width, channels], as the runtime takes them. */
export function imageTensor(
  { Tensor }: typeof import('onnxruntime-node'),
  { input, inputType = 'uint8' }: Pick<ModelSpec, 'input' | 'inputType'>,
  images: InputValues,
  count: number,
): Tensor {
  const shape = [count, input.height, input.width, input.channels];
  return inputType === 'uint8'
    ? new Tensor('uint8', images as Uint8Array, shape)
    : new Tensor('float32', images as Float32Array, shape);
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
  );
}

/** The execution providers of ONNX Runtime that roble uses. */
export type Provider = 'cpu' | 'webgpu' | 'cuda';
export type GpuProvider = Exclude<Provider, 'cpu'>;

/** Where a session computes. */
export interface OnnxDevice {
  /** As the user writes it. */
  readonly id: string;
  readonly provider: Provider;
  /** Which of the provider's devices. */
  readonly index: number;
  /** Whether an adapter that computes on the CPU is good enough. */
  readonly software: boolean;
}

export const CPU: OnnxDevice = { id: 'cpu', provider: 'cpu', index: 0, software: false };

const FORMS =
  /^(?<provider>cpu|webgpu|cuda)(?:(?<=webgpu)(?<software>:software)|(?<=cuda):(?<index>\d{1,2}))?$/;

/**
 * `cpu`, `webgpu` (a graphics processor through Vulkan, Metal or Direct3D), `webgpu:software` (also an adapter that
 * computes on the CPU), `cuda` and `cuda:N`.
 *
 * @throws {RobleError} `ROBLE_DEVICE_UNAVAILABLE`
 */
export function parseDevice(id: string): OnnxDevice {
  const groups = FORMS.exec(id)?.groups;
  if (groups)
    return {
      id,
      provider: groups.provider as Provider,
      index: Number(groups.index ?? 0),
      software: groups.software !== undefined,
    };
  throw new RobleError('ROBLE_DEVICE_UNAVAILABLE', `The engine "onnx" knows no device "${id}".`, {
    received: id,
    expected: '"cpu", "webgpu", "cuda" or "cuda:N"',
    nextSteps: ['"roble gpu:setup" says which of them this machine has.'],
  });
}

/**
 * What the runtime has to know to compute on a device.
 *
 * On WebGPU, whatever the device cannot compute is an error instead of silent work on the CPU, with the tensors carried
 * there and back; and outputs can stay on the device, where the next run takes them as inputs. CUDA has neither: its
 * provider puts small work on shapes on the CPU by design, and the binding for Node takes no tensors on its devices.
 */
export function deviceOptions(
  { provider, index }: OnnxDevice,
  resident: readonly string[],
): InferenceSession.SessionOptions {
  if (provider === 'cpu') return { executionProviders: ['cpu'] };
  if (provider === 'cuda') return { executionProviders: [{ name: 'cuda', deviceId: index }] };
  return {
    executionProviders: ['webgpu'],
    extra: { session: { disable_cpu_ep_fallback: '1' } },
    ...(resident.length > 0 && {
      preferredOutputLocation: Object.fromEntries(resident.map((name) => [name, 'gpu-buffer' as const])),
    }),
  };
}
