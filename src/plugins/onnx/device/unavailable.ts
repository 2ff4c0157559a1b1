import type { GpuProvider } from '../../../engine-kit/onnx/runtime.js';

/** Why a device cannot be used, and what to do about it. */
export interface Unavailability {
  /** As the end of a sentence. */
  readonly reason: string;
  readonly expected: string;
  readonly nextSteps: readonly string[];
}

interface Cause {
  readonly provider: GpuProvider;
  /** How the runtime, the loader or the driver words it. */
  readonly words: RegExp;
  readonly reason: string;
  readonly nextSteps: readonly string[];
}

const GRAPHICS_IN_CONTAINERS =
  'In a container with an NVIDIA GPU: NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics gives it the Vulkan driver.';

/** The first that matches is reported; `$1` is the first group of `words`. */
const CAUSES: readonly Cause[] = [
  {
    provider: 'webgpu',
    words: /couldn't load vulkan/i,
    reason: 'the Vulkan loader is not installed',
    nextSteps: [
      'Debian and Ubuntu: apt-get install libvulkan1.',
      'Fedora and its relatives: dnf install vulkan-loader.',
    ],
  },
  {
    provider: 'webgpu',
    words: /found no drivers|VK_ERROR_INCOMPATIBLE_DRIVER/i,
    reason: 'there is no Vulkan driver for a GPU',
    nextSteps: [
      'AMD and Intel on Debian and Ubuntu: apt-get install mesa-vulkan-drivers.',
      "NVIDIA: the driver's package brings it.",
      GRAPHICS_IN_CONTAINERS,
    ],
  },
  {
    provider: 'webgpu',
    words: /failed to get a webgpu adapter/i,
    reason: 'no GPU answers that WebGPU can use',
    nextSteps: [
      'Check that the GPU shows in "vulkaninfo --summary" (package vulkan-tools), and that the user may open /dev/dri/renderD* (groups render, video).',
      GRAPHICS_IN_CONTAINERS,
    ],
  },
  {
    provider: 'webgpu',
    words: /not (?:supported|available) in this build|unknown execution provider|no available backend/i,
    reason: "this platform's ONNX Runtime has no WebGPU",
    nextSteps: ['Use the device "cpu".'],
  },
  {
    provider: 'cuda',
    words: /libonnxruntime_providers_\w+\.so: cannot open shared object file/i,
    reason:
      "ONNX Runtime's CUDA provider is not installed: it is a separate download of some hundred megabytes",
    nextSteps: [
      'Run "ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node" (Linux on x64), or use the device "webgpu", which needs no CUDA.',
    ],
  },
  {
    provider: 'cuda',
    words: /(libcudnn\S*\.so[.\d]*): cannot open shared object file/i,
    reason: '$1 of cuDNN 9 is missing',
    nextSteps: [
      "Install the package cudnn9-cuda-12 of NVIDIA's repository, or add the folder of $1 to LD_LIBRARY_PATH.",
    ],
  },
  {
    provider: 'cuda',
    words:
      /(lib(?:cudart|cublas|cublasLt|cufft|curand|nvrtc|nvJitLink)\.so[.\d]*): cannot open shared object file/i,
    reason: '$1 of CUDA 12 is missing',
    nextSteps: [
      "Install the package cuda-libraries-12-x of NVIDIA's repository, or add the folder of $1 to LD_LIBRARY_PATH.",
    ],
  },
  {
    provider: 'cuda',
    words: /(\S+\.so[.\d]*): cannot open shared object file/i,
    reason: '$1 is missing',
    nextSteps: ['Install the package that brings it, or add its folder to LD_LIBRARY_PATH.'],
  },
  {
    provider: 'cuda',
    words: /driver version is insufficient|cudaErrorInsufficientDriver/i,
    reason: 'the NVIDIA driver is too old for CUDA 12',
    nextSteps: ['Install driver 525 or newer ("nvidia-smi" shows the version).'],
  },
  {
    provider: 'cuda',
    words: /no CUDA-capable device|cudaErrorNoDevice/i,
    reason: 'there is no NVIDIA GPU that CUDA can see',
    nextSteps: [
      'Check "nvidia-smi", and that CUDA_VISIBLE_DEVICES is not empty or -1.',
      'In a container: start it with --gpus all (nvidia-container-toolkit), in Kubernetes with nvidia.com/gpu: 1.',
    ],
  },
  {
    provider: 'cuda',
    words: /invalid device ordinal|cudaErrorInvalidDevice/i,
    reason: 'there is no GPU of that number',
    nextSteps: ['Run "nvidia-smi -L" to see their numbers; CUDA_VISIBLE_DEVICES may hide some.'],
  },
];

const EXPECTED: Readonly<Record<GpuProvider, string>> = {
  webgpu: 'a GPU with a driver for Vulkan (Linux), Direct3D 12 (Windows) or Metal (macOS)',
  cuda: 'an NVIDIA GPU with driver 525 or newer, CUDA 12 and cuDNN 9',
};

/** Explains what a provider's probe said: its error, and what loaders and drivers wrote. */
export function explain(provider: GpuProvider, said: string): Unavailability {
  for (const { provider: of, words, reason, nextSteps } of CAUSES) {
    const found = of === provider ? words.exec(said) : null;
    if (!found) continue;
    const fill = (text: string) => text.replaceAll('$1', found[1]?.split('/').at(-1) ?? '');
    return { reason: fill(reason), expected: EXPECTED[provider], nextSteps: nextSteps.map(fill) };
  }
  return {
    reason: 'its probe failed',
    expected: EXPECTED[provider],
    nextSteps: ['Use the device "cpu".'],
  };
}

/** Vulkan and Direct3D adapters that compute on the CPU. */
export function isSoftwareAdapter(name: string): boolean {
  return /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i.test(name);
}
