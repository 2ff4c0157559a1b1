import { RobleError } from '../../core/plugin/index.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** `cuda` or `gpu`, with a number or without: 0 is the first that TensorFlow may see. */
const GPU = /^(?:cuda|gpu)(?::(\d+))?$/;

/** Whether a device that a user wrote is a GPU. */
export function isGpu(device: string): boolean {
  return GPU.test(device);
}

/**
 * What TensorFlow reads from the environment when it is loaded, and the user has not set.
 *
 * @throws {RobleError} `ROBLE_DEVICE_UNAVAILABLE`
 */
export function tensorflowVariables(
  device: string,
  threads: number,
  environment: Variables,
): Record<string, string> {
  const wanted: Record<string, string | undefined> = {
    // Otherwise it takes all memory of the GPU at the start, and a lack of it cannot be told from its habit.
    TF_FORCE_GPU_ALLOW_GROWTH: environment.TF_FORCE_GPU_ALLOW_GROWTH ?? 'true',
    // Products rounded to TF32 are a thousand times coarser than float32: weights and answers would not be the file's.
    NVIDIA_TF32_OVERRIDE: environment.NVIDIA_TF32_OVERRIDE ?? '0',
    TF_NUM_INTRAOP_THREADS: environment.TF_NUM_INTRAOP_THREADS ?? (threads > 0 ? `${threads}` : undefined),
    CUDA_VISIBLE_DEVICES: visibleGpus(device, environment.CUDA_VISIBLE_DEVICES),
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== environment[entry[0]],
    ),
  );
}

/** TensorFlow takes the first GPU that it may see: so it may see the one that is wanted, or none. */
function visibleGpus(device: string, visible: string | undefined): string | undefined {
  if (device === 'cpu') return '-1';
  if (device === 'auto') return visible;
  const match = GPU.exec(device);
  if (!match)
    throw new RobleError('ROBLE_DEVICE_UNAVAILABLE', `The engine "tfjs" has no device "${device}".`, {
      received: device,
      expected: 'auto, cpu, cuda, or cuda:N',
    });
  if (match[1] === undefined) return visible;
  if (visible === undefined) return match[1];
  const chosen = visible.split(',')[Number(match[1])];
  if (chosen !== undefined) return chosen.trim();
  throw new RobleError('ROBLE_DEVICE_UNAVAILABLE', `There is no GPU number ${match[1]} for this process.`, {
    received: `${device}, with CUDA_VISIBLE_DEVICES=${visible}`,
    expected: 'the number of a GPU that the variable lists, counted from 0',
  });
}
