import type { MachineView, PciGpu } from '../../base/process/machine.js';
import type { NvidiaSmi } from './nvidia-smi.js';

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

export async function detectEnvironment(view: MachineView): Promise<Environment> {
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

/** What one check found. */
export interface Finding {
  readonly id: string;
  readonly title: string;
  /** `skipped`: there was nothing to check. */
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly detail: string;
  /** What to do about it, the first thing first. */
  readonly advice?: readonly string[];
}

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

export interface Check {
  readonly id: string;
  readonly title: string;
  run(facts: MachineFacts): Promise<Omit<Finding, 'id' | 'title'>>;
}

export const ok = (detail: string) => ({ status: 'ok', detail }) as const;
export const skipped = (detail: string) => ({ status: 'skipped', detail }) as const;
export const warning = (detail: string, ...advice: string[]) =>
  ({ status: 'warning', detail, advice }) as const;
export const failed = (detail: string, ...advice: string[]) =>
  ({ status: 'failed', detail, advice }) as const;

export const hasNvidia = ({ pciGpus, nvidiaDevices }: MachineFacts): boolean =>
  nvidiaDevices.length > 0 || pciGpus.some(({ vendor }) => vendor === 'NVIDIA');
