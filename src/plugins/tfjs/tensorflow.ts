import { RobleError } from '../../core/plugin/index.js';

/** TensorFlow.js: the packages for Node give what the plain one gives, computed by TensorFlow. */
export type TensorFlow = typeof import('@tensorflow/tfjs');

/** A package of TensorFlow.js. */
interface TensorFlowPackage {
  readonly name: string;
  /** What it computes with. */
  readonly backend: 'tensorflow' | 'cpu';
  readonly use: string;
}

/** In the order in which they are tried. */
const PACKAGES: readonly TensorFlowPackage[] = [
  { name: '@tensorflow/tfjs-node-gpu', backend: 'tensorflow', use: 'a GPU of NVIDIA with CUDA' },
  { name: '@tensorflow/tfjs-node', backend: 'tensorflow', use: 'the processor' },
  { name: '@tensorflow/tfjs', backend: 'cpu', use: 'tiny networks, in plain JavaScript' },
];

export interface LoadedTensorFlow {
  readonly tf: TensorFlow;
  /** Name of the package. */
  readonly name: string;
  readonly version: string;
  readonly backend: TensorFlowPackage['backend'];
  readonly usesGpu: boolean;
  /** What a user should know, such as a package that is installed and cannot be used. */
  readonly warnings: readonly string[];
}

/**
 * The first package that is installed and computes. Which devices TensorFlow sees is decided by the first load in a
 * process.
 *
 * @throws {RobleError} `ROBLE_ENGINE_MISSING`, `ROBLE_DEVICE_UNAVAILABLE`
 */
export async function loadTensorFlow(
  { device, threads }: { readonly device: string; readonly threads: number },
  packages = PACKAGES,
): Promise<LoadedTensorFlow> {
  Object.assign(process.env, tensorflowVariables(device, threads, process.env));
  const failures: string[] = [];
  for (const candidate of packages) {
    const started = await start(candidate).catch((error: NodeJS.ErrnoException) => {
      if (!isMissing(error, candidate.name))
        failures.push(`${candidate.name} cannot be used: ${error.message}`);
    });
    if (started) return checkGpu(device, started, failures);
  }
  throw new RobleError('ROBLE_ENGINE_MISSING', 'The engine "tfjs" needs a package of TensorFlow.js.', {
    received: failures.join('\n') || 'none that is installed',
    expected: `one of ${packages.map(({ name }) => name).join(', ')}, beside roble`,
    nextSteps: packages.map(({ name, use }) => `For ${use}: npm install ${name}`),
  });
}

type StartedTensorFlow = Omit<LoadedTensorFlow, 'warnings'>;

/** Loads a package, and tries it. */
async function start({ name, backend }: TensorFlowPackage): Promise<StartedTensorFlow> {
  const loaded = await import(name);
  const tf: TensorFlow = loaded.default ?? loaded;
  // Without checks of each call, and without the plain package's advice to install another one: roble gives its own.
  tf.enableProdMode();
  if (!(await tf.setBackend(backend))) throw new Error(`its backend "${backend}" cannot be started`);
  const sum = tf.tidy(() => tf.add(tf.scalar(1), tf.scalar(2)).dataSync()[0]);
  if (sum !== 3) throw new Error(`it computes 1 + 2 = ${sum}`);
  const { isUsingGpuDevice = false } = tf.backend() as { isUsingGpuDevice?: boolean };
  return { tf, name, version: tf.version_core, backend, usesGpu: isUsingGpuDevice };
}

/** Not: installed, with a dependency that is missing. */
function isMissing({ code, message }: NodeJS.ErrnoException, name: string): boolean {
  return code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`);
}

/** The package for GPUs computes on the processor when it sees none, and does not say so. */
function checkGpu(device: string, started: StartedTensorFlow, failures: readonly string[]): LoadedTensorFlow {
  const { name, backend, usesGpu } = started;
  if (isGpu(device) && !usesGpu)
    throw new RobleError('ROBLE_DEVICE_UNAVAILABLE', `TensorFlow sees no GPU for the device "${device}".`, {
      received: [...failures, `${name} computes on the processor`].join('\n'),
      expected: '@tensorflow/tfjs-node-gpu with the versions of CUDA and cuDNN that it was built for',
      nextSteps: ['Use --device cpu, or another engine.'],
    });
  const warnings = [...failures];
  if (name.endsWith('tfjs-node-gpu') && !usesGpu && device !== 'cpu')
    warnings.push(`${name} sees no GPU: TensorFlow computes on the processor.`);
  if (backend === 'cpu')
    warnings.push(
      `${name} computes in plain JavaScript, hundreds of times slower than the engine "onnx". For speed: npm install @tensorflow/tfjs-node`,
    );
  return { ...started, warnings };
}

type Variables = Readonly<Record<string, string | undefined>>;

/** `cuda` or `gpu`, with a number or without: 0 is the first that TensorFlow may see. */
const GPU = /^(?:cuda|gpu)(?::(\d+))?$/;

/** Whether a device that a user wrote is a GPU. */
function isGpu(device: string): boolean {
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
    // Otherwise it takes all memory of the GPU at the start, and a lack of memory cannot be recognized.
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
