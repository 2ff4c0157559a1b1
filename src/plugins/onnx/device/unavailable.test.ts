import { describe, expect, it } from 'vitest';
import { explain, isSoftwareAdapter } from './unavailable.js';

/** What ONNX Runtime 1.30, Dawn, Vulkan's loader and CUDA say; the second half of each is the explanation. */
const SAID = [
  [
    'webgpu',
    "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file: No such file or directory",
    /Vulkan loader/,
    /libvulkan1/,
  ],
  [
    'webgpu',
    'Failed to get a WebGPU adapter: No supported adapters\nWarning: vkCreateInstance: Found no drivers!\nWarning: vkCreateInstance failed with VK_ERROR_INCOMPATIBLE_DRIVER',
    /no Vulkan driver/,
    /NVIDIA_DRIVER_CAPABILITIES/,
  ],
  ['webgpu', 'Failed to get a WebGPU adapter: No supported adapters', /no GPU answers/, /vulkaninfo/],
  [
    'cuda',
    'Failed to load library /x/libonnxruntime_providers_shared.so with error: /x/libonnxruntime_providers_shared.so: cannot open shared object file: No such file or directory',
    /CUDA provider is not installed/,
    /ONNXRUNTIME_NODE_INSTALL=cuda12/,
  ],
  [
    'cuda',
    'Failed to load library /x/libonnxruntime_providers_cuda.so with error: libcudnn.so.9: cannot open shared object file: No such file or directory',
    /libcudnn\.so\.9 of cuDNN 9/,
    /cudnn9-cuda-12/,
  ],
  [
    'cuda',
    'Failed to load library /x/libonnxruntime_providers_cuda.so with error: libcublasLt.so.12: cannot open shared object file: No such file or directory',
    /libcublasLt\.so\.12 of CUDA 12/,
    /LD_LIBRARY_PATH/,
  ],
  ['cuda', 'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version', /too old/, /525/],
  ['cuda', 'CUDA failure 100: no CUDA-capable device is detected', /no NVIDIA GPU/, /CUDA_VISIBLE_DEVICES/],
  ['cuda', 'CUDA failure 101: invalid device ordinal', /no GPU of that number/, /nvidia-smi -L/],
  ['cuda', 'The probe ended with SIGSEGV.', /its probe failed/, /cpu/],
] as const;

describe('explain', () => {
  it.each(SAID)('%s: %s', (provider, said, reason, nextStep) => {
    const explained = explain(provider, said);
    expect(explained.reason).toMatch(reason);
    expect(explained.nextSteps.join(' ')).toMatch(nextStep);
    expect(JSON.stringify(explained)).not.toContain('$1');
  });
});

describe('isSoftwareAdapter', () => {
  it('knows those that compute on the CPU', () => {
    for (const name of ['SwiftShader Device (Subzero)', 'llvmpipe (LLVM 15.0.6, 256 bits)'])
      expect(isSoftwareAdapter(name)).toBe(true);
    for (const name of ['NVIDIA H100 80GB HBM3', 'AMD Radeon RX 7900 (RADV NAVI31)', 'Intel(R) Arc(tm) A770'])
      expect(isSoftwareAdapter(name)).toBe(false);
  });
});
