import { type Diagnosis, failed, ok, skipped, warning } from '../../base/diagnosis.js';
import type { Check } from '../../base/findings.js';
import type { MachineView } from '../../base/process/machine.js';
import { hasNvidia, type MachineFacts } from './facts.js';
import { type GpuState, numberOf } from './nvidia-smi.js';

export type MachineCheck = Check<MachineFacts, Diagnosis>;

/** Oldest driver of each CUDA version (NVIDIA, CUDA compatibility). */
const OLDEST_DRIVERS: readonly (readonly [cuda: number, driver: number])[] = [
  [13, 580],
  [12, 525],
  [11, 450],
];
/** What the CUDA provider of ONNX Runtime is built with. */
const CUDA_NEEDED = 12;

const DRIVER_CHECKS: readonly MachineCheck[] = [
  {
    id: 'gpu-on-bus',
    title: 'GPU on the bus',
    async run({ pciGpus, environment, nvidiaDevices }) {
      if (pciGpus.length > 0)
        return ok(pciGpus.map(({ vendor, address }) => `${vendor} at ${address}`).join(', '));
      if (nvidiaDevices.length > 0)
        return ok(`${nvidiaDevices.join(', ')} (the bus is not visible from here)`);
      if (environment.isWsl) return ok('by the host of WSL2, if it has one');
      return skipped('none: this machine computes on its CPU, unless a GPU is attached');
    },
  },
  {
    id: 'driver-loaded',
    title: "NVIDIA's driver is loaded",
    async run(facts) {
      const { driverVersion, environment, view } = facts;
      if (!hasNvidia(facts)) return skipped('no NVIDIA GPU');
      if (driverVersion !== undefined) return ok(driverVersion);
      if (environment.isWsl) return ok("the host's, by WSL2");
      if (environment.container) return skipped('to be seen on the host only');
      if ((await view.list('/sys/module')).includes('nouveau'))
        return failed(
          'the driver nouveau holds the GPU, which cannot compute',
          "Install NVIDIA's driver (Debian: nvidia-driver), which keeps nouveau away, and reboot.",
        );
      const secureBoot = (await view.run('mokutil', ['--sb-state']))?.output.includes('enabled');
      return failed(
        'there is an NVIDIA GPU, and no driver for it',
        "Install NVIDIA's driver (Debian: nvidia-driver; Ubuntu: ubuntu-drivers install) and reboot.",
        ...(secureBoot
          ? [
              'Secure Boot is on: enrol the key that signs the module, or it is not loaded (mokutil --import).',
            ]
          : []),
      );
    },
  },
  {
    id: 'driver-matches',
    title: 'Driver and its library are of one version',
    async run({ smi, environment }) {
      if (!smi) return skipped('nvidia-smi is not installed');
      if (/driver\/library version mismatch/i.test(smi.failure ?? ''))
        return failed(
          'the loaded module and the installed library are of two versions, after an update',
          ...(environment.container
            ? ["Remove the libnvidia-ml of the image: the container gets the host's."]
            : [
                'Reboot; or unload the modules and load them again: rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia.',
              ]),
        );
      if (/failed to initialize nvml: unknown error/i.test(smi.failure ?? ''))
        return failed(
          'the container has lost its GPU, as happens when systemd reloads its units',
          'Restart the container.',
          'For good: give it the GPU by CDI, or use the cgroup driver cgroupfs (NVIDIA container toolkit, known issues).',
        );
      if (smi.failure !== undefined)
        return failed(
          `nvidia-smi says: ${smi.failure}`,
          'See the checks above, and the log of the kernel: dmesg | grep -i nvrm.',
        );
      return ok(`${smi.gpus.length} GPU${smi.gpus.length === 1 ? '' : 's'} answer`);
    },
  },
  {
    id: 'driver-new-enough',
    title: 'Driver is new enough for CUDA',
    async run({ driverVersion, smi }) {
      const version = driverVersion ?? smi?.gpus[0]?.driver_version;
      if (version === undefined) return skipped('no driver of NVIDIA');
      const major = Number.parseInt(version, 10);
      const [cuda] = OLDEST_DRIVERS.find(([, oldest]) => major >= oldest) ?? [];
      const needed = OLDEST_DRIVERS.find(([version]) => version === CUDA_NEEDED)![1];
      if (cuda !== undefined && cuda >= CUDA_NEEDED) return ok(`${version}: CUDA up to ${cuda}.x`);
      return warning(
        `${version} is too old for CUDA ${CUDA_NEEDED}${cuda === undefined ? '' : `, and enough for CUDA ${cuda}`}`,
        `Install driver ${needed} or newer for the device cuda of the engine onnx; the device webgpu needs none of CUDA.`,
      );
    },
  },
];

const MASKS = ['CUDA_VISIBLE_DEVICES', 'NVIDIA_VISIBLE_DEVICES'] as const;

const ACCESS_CHECKS: readonly MachineCheck[] = [
  {
    id: 'container',
    title: 'The container has the GPU',
    async run({ environment, nvidiaDevices, pciGpus, view }) {
      if (!environment.container) return skipped('not in a container');
      if (nvidiaDevices.length > 0) return ok(nvidiaDevices.join(', '));
      if (await view.exists('/dev/dxg')) return ok('/dev/dxg');
      if (!pciGpus.some(({ vendor }) => vendor === 'NVIDIA')) return skipped('no NVIDIA GPU to be seen');
      return environment.container === 'Kubernetes'
        ? failed(
            'the node has an NVIDIA GPU, and this pod has none',
            'Ask for it: resources.limits: nvidia.com/gpu: 1, and see that the device plugin of NVIDIA runs on the node.',
          )
        : failed(
            'the host has an NVIDIA GPU, and this container has none',
            `Start it with it: ${environment.container === 'Podman' ? 'podman run --device nvidia.com/gpu=all' : 'docker run --gpus all'}.`,
            'If that says "could not select device driver", install nvidia-container-toolkit on the host.',
          );
    },
  },
  {
    id: 'masked',
    title: 'No variable hides the GPU',
    async run(facts) {
      if (!hasNvidia(facts)) return skipped('no NVIDIA GPU');
      const hiding = MASKS.filter((name) => {
        const value = facts.view.env[name];
        return value !== undefined && ['', '-1', 'void', 'none', 'NoDevFiles'].includes(value.trim());
      });
      if (hiding.length === 0)
        return ok(MASKS.map((name) => `${name}=${facts.view.env[name] ?? '(not set)'}`).join(', '));
      return failed(
        `${hiding.map((name) => `${name}="${facts.view.env[name]}"`).join(', ')} hides every GPU`,
        `Unset it: unset ${hiding.join(' ')}${facts.environment.slurmJob ? '; under Slurm, ask for one: --gres=gpu:1' : ''}.`,
      );
    },
  },
  {
    id: 'permissions',
    title: 'This user may use the GPU',
    async run({ view }) {
      const nodes = (await view.list('/dev/dri')).filter((name) => name.startsWith('renderD'));
      if (nodes.length === 0) return skipped('no /dev/dri/renderD*');
      const closed: string[] = [];
      for (const name of nodes)
        if (!(await view.isAccessible(`/dev/dri/${name}`))) closed.push(`/dev/dri/${name}`);
      if (closed.length === 0) return ok(nodes.map((name) => `/dev/dri/${name}`).join(', '));
      return warning(
        `no access to ${closed.join(', ')}, which WebGPU needs`,
        'Join the groups of these files and log in again: sudo usermod -aG render,video $USER.',
      );
    },
  },
];

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

const LIBRARY_CHECKS: readonly MachineCheck[] = [
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

/** Events of the driver after which a GPU must not be trusted (NVIDIA, Xid errors). */
const FATAL_XIDS: Readonly<Record<number, string>> = {
  48: 'double bit ECC error',
  63: 'row remapping or page retirement recorded',
  64: 'row remapping or page retirement failed',
  79: 'the GPU has fallen off the bus',
};
const LEAST_FREE_MIB = 1024;

const HEALTH_CHECKS: readonly MachineCheck[] = [
  {
    id: 'health',
    title: 'The GPU is well',
    async run({ view, smi }) {
      if (!smi || smi.gpus.length === 0) return skipped('no GPU that nvidia-smi knows');
      const ecc = smi.gpus.filter((gpu) => (numberOf(gpu, 'ecc.errors.uncorrected.volatile.total') ?? 0) > 0);
      const log = (await view.run('dmesg', []))?.output ?? '';
      const xids = [...log.matchAll(/NVRM: Xid \(([^)]*)\): (\d+)/g)].filter(
        ([, , code]) => Number(code) in FATAL_XIDS,
      );
      if (ecc.length === 0 && xids.length === 0)
        return ok('no uncorrected memory errors, no fatal Xid in the log');
      return failed(
        [
          ...ecc.map(
            (gpu) =>
              `GPU ${gpu.index}: ${gpu['ecc.errors.uncorrected.volatile.total']} uncorrected memory errors`,
          ),
          ...xids.map(([, place, code]) => `${place}: Xid ${code}, ${FATAL_XIDS[Number(code)]}`),
        ].join('; '),
        'Take the machine out of use, reset or replace the GPU; results since then cannot be trusted.',
        "NVIDIA's catalogue of Xid errors says what each means.",
      );
    },
  },
  {
    id: 'contention',
    title: 'The GPU is free',
    async run({ view, smi }) {
      if (!smi || smi.gpus.length === 0) return skipped('no GPU that nvidia-smi knows');
      const tight = smi.gpus.filter(
        (gpu) => (numberOf(gpu, 'memory.free') ?? Number.POSITIVE_INFINITY) < LEAST_FREE_MIB,
      );
      const closed = smi.gpus.filter((gpu) => /exclusive|prohibited/i.test(gpu.compute_mode ?? ''));
      if (tight.length === 0 && closed.length === 0) return ok(smi.gpus.map(freeText).join(', '));
      const apps = await view.run('nvidia-smi', [
        '--query-compute-apps=pid,process_name,used_memory',
        '--format=csv,noheader',
      ]);
      const processes = apps?.exitCode === 0 ? apps.output.trim().split('\n').filter(Boolean) : [];
      return warning(
        [
          ...tight.map((gpu) => `GPU ${gpu.index} has ${gpu['memory.free']} MiB free`),
          ...closed.map((gpu) => `GPU ${gpu.index} is in the compute mode ${gpu.compute_mode}`),
        ].join('; '),
        processes.length > 0
          ? `These use it: ${processes.join('; ')}. End them, or choose another GPU with --device gpu:1.`
          : 'Choose another GPU with --device gpu:1.',
      );
    },
  },
];

function freeText(gpu: GpuState): string {
  return `GPU ${gpu.index ?? 0}: ${gpu['memory.free'] ?? 'unknown'} MiB free`;
}

/** From the hardware up: what a check finds explains what those after it find. */
export const MACHINE_CHECKS: readonly MachineCheck[] = [
  ...DRIVER_CHECKS,
  ...ACCESS_CHECKS,
  ...LIBRARY_CHECKS,
  ...HEALTH_CHECKS,
];
