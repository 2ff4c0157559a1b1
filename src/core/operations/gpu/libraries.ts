import { type Check, failed, hasNvidia, ok, skipped, warning } from './finding.js';
import type { MachineView } from '../../base/process/machine.js';

/** What the CUDA provider of ONNX Runtime loads, and where it comes from. */
const CUDA_LIBRARIES = [
  ['libcudart.so.12', 'CUDA 12 (NVIDIA repository: cuda-libraries-12-6)'],
  ['libcublas.so.12', 'CUDA 12 (NVIDIA repository: cuda-libraries-12-6)'],
  ['libcufft.so.11', 'CUDA 12 (NVIDIA repository: cuda-libraries-12-6)'],
  ['libcudnn.so.9', 'cuDNN 9 (NVIDIA repository: cudnn9-cuda-12)'],
] as const;

const ICD_FOLDERS = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d'];
/** Drivers that compute on the CPU. */
const SOFTWARE = /lvp|llvmpipe|lavapipe|swiftshader/i;

export const LIBRARY_CHECKS: readonly Check[] = [
  {
    id: 'cuda-libraries',
    title: 'CUDA and cuDNN libraries',
    async run(facts) {
      if (!hasNvidia(facts)) return skipped('no NVIDIA GPU');
      const missing = CUDA_LIBRARIES.filter(([name]) => !facts.hasLibrary(name));
      if (missing.length === 0) return ok('CUDA 12 and cuDNN 9 are found');
      const packages = [...new Set(missing.map(([, name]) => name))];
      return warning(
        `not found: ${missing.map(([name]) => name).join(', ')}; the device cuda needs them, webgpu does not`,
        `Install ${packages.join(' and ')}.`,
        'Where they lie in another folder: export LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH.',
      );
    },
  },
  {
    id: 'vulkan',
    title: 'Vulkan, which WebGPU computes by',
    async run(facts) {
      const { view, pciGpus } = facts;
      if (view.platform !== 'linux') return skipped(`${view.platform} has its own: Metal, or Direct3D 12`);
      const drivers = await vulkanDrivers(view);
      const hardware = drivers.filter((driver) => !SOFTWARE.test(driver));
      const hasGpu = hasNvidia(facts) || pciGpus.length > 0;
      const failedOrSkipped = hasGpu ? failed : skipped;
      if (!facts.hasLibrary('libvulkan.so.1'))
        return failedOrSkipped('no loader (libvulkan.so.1)', 'Install it: apt install libvulkan1.');
      if (hardware.length > 0) return ok(hardware.join(', '));
      const found =
        drivers.length > 0 ? `only drivers that compute on the CPU: ${drivers.join(', ')}` : 'no driver';
      return failedOrSkipped(
        found,
        'Install the driver of the GPU (NVIDIA: with its ICD file nvidia_icd.json; AMD, Intel: mesa-vulkan-drivers).',
        ...(facts.environment.container
          ? ['In a container: NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics.']
          : []),
      );
    },
  },
];

/** The files that tell the loader of Vulkan which drivers there are. */
async function vulkanDrivers(view: MachineView): Promise<string[]> {
  const given = view.env.VK_DRIVER_FILES ?? view.env.VK_ICD_FILENAMES;
  if (given) return given.split(':').filter(Boolean);
  const found: string[] = [];
  for (const folder of ICD_FOLDERS)
    for (const name of await view.list(folder)) if (name.endsWith('.json')) found.push(`${folder}/${name}`);
  return found;
}
