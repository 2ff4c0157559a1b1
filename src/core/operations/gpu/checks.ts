import { type Check, failed, hasNvidia, ok, skipped, warning } from './finding.js';

/** Oldest driver of each CUDA version (NVIDIA, CUDA compatibility). */
const OLDEST_DRIVERS: readonly (readonly [cuda: number, driver: number])[] = [
  [13, 580],
  [12, 525],
  [11, 450],
];
/** What the CUDA provider of ONNX Runtime is built with. */
const CUDA_NEEDED = 12;

export const DRIVER_CHECKS: readonly Check[] = [
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
