import { gpusOnBus, type MachineView, type PciGpu } from '../../base/process/machine.js';
import { askNvidiaSmi, type NvidiaSmi } from './nvidia-smi.js';

/** What several checks need to know, found out once. */
export interface MachineFacts {
  readonly view: MachineView;
  readonly environment: Environment;
  readonly pciGpus: readonly PciGpu[];
  /** `/dev/nvidia0`, ... */
  readonly nvidiaDevices: readonly string[];
  /** Of the kernel module, such as `535.161.08`; undefined where it is not loaded. */
  readonly driverVersion?: string;
  /** Whether the loader of shared libraries finds one of that name, such as `libvulkan.so.1`. */
  hasLibrary(name: string): boolean;
  /** Undefined where it is not installed. */
  readonly smi?: NvidiaSmi;
}

export async function gatherFacts(view: MachineView): Promise<MachineFacts> {
  const driver = await view.read('/proc/driver/nvidia/version');
  const [driverVersion] = /\b\d{3}\.\d+(?:\.\d+)?\b/.exec(driver ?? '') ?? [];
  const smi = await askNvidiaSmi(view);
  const hasLibrary = await libraryTest(view);
  return {
    view,
    environment: await detectEnvironment(view),
    pciGpus: await gpusOnBus(view),
    nvidiaDevices: (await view.list('/dev'))
      .filter((name) => /^nvidia\d+$/.test(name))
      .map((name) => `/dev/${name}`),
    ...(driverVersion !== undefined && { driverVersion }),
    hasLibrary,
    ...(smi && { smi }),
  };
}

export const hasNvidia = ({ pciGpus, nvidiaDevices }: MachineFacts): boolean =>
  nvidiaDevices.length > 0 || pciGpus.some(({ vendor }) => vendor === 'NVIDIA');

/** Looks into the cache of the loader of shared libraries, and into the folders of LD_LIBRARY_PATH. */
async function libraryTest(view: MachineView): Promise<MachineFacts['hasLibrary']> {
  const cached = (await view.run('/sbin/ldconfig', ['-p']))?.output ?? '';
  const own: string[] = [];
  for (const folder of (view.env.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean))
    own.push(...(await view.list(folder)));
  return (name) => cached.includes(name) || own.includes(name);
}

/** Where a process runs, as far as advice depends on it. */
export interface Environment {
  /** The service that gives the machine, such as `Kaggle`; none: a machine like any other. */
  readonly service?: string;
  readonly container?: 'Docker' | 'Podman' | 'Kubernetes';
  readonly isWsl: boolean;
  readonly isCi: boolean;
  readonly slurmJob?: string;
}

/** In this order: Kaggle sets variables of Colab, too. */
const SERVICES: readonly (readonly [name: string, variables: readonly string[]])[] = [
  ['Kaggle', ['KAGGLE_URL_BASE', 'KAGGLE_KERNEL_RUN_TYPE']],
  ['Colab', ['COLAB_RELEASE_TAG', 'COLAB_BACKEND_VERSION']],
  ['SageMaker', ['SM_CURRENT_HOST', 'SM_HOSTS']],
  ['Codespaces', ['CODESPACES']],
];

async function detectEnvironment(view: MachineView): Promise<Environment> {
  const isSet = (name: string) => Boolean(view.env[name]);
  const [service] = SERVICES.find(([, variables]) => variables.some(isSet)) ?? [];
  const onKaggle = await view.exists('/kaggle/working');
  const kernel = (await view.read('/proc/sys/kernel/osrelease')) ?? '';
  const container = isSet('KUBERNETES_SERVICE_HOST')
    ? 'Kubernetes'
    : (await view.exists('/run/.containerenv'))
      ? 'Podman'
      : (await view.exists('/.dockerenv'))
        ? 'Docker'
        : undefined;
  const found = onKaggle ? 'Kaggle' : service;
  return {
    ...(found && { service: found }),
    ...(container && { container }),
    isWsl: /microsoft/i.test(kernel) || (await view.exists('/dev/dxg')),
    isCi: isSet('CI'),
    ...(view.env.SLURM_JOB_ID && { slurmJob: view.env.SLURM_JOB_ID }),
  };
}

/** For people, such as `Docker, CI`. */
export function describeEnvironment({ service, container, isWsl, isCi, slurmJob }: Environment): string {
  const parts = [service, container, isWsl && 'WSL2', slurmJob && `Slurm job ${slurmJob}`, isCi && 'CI'];
  return parts.filter(Boolean).join(', ') || 'a machine of its own';
}
