import type { InferenceSession } from 'onnxruntime-node';
import { RobleError } from '../../core/plugin/index.js';

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
