import type { Environment } from './facts.js';
import type { MachineView } from '../../base/process/machine.js';
import type { NvidiaSmi } from './nvidia-smi.js';

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

/** A graphics processor on the bus. */
export interface PciGpu {
  readonly address: string;
  readonly vendor: 'NVIDIA' | 'AMD' | 'Intel' | 'another vendor';
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
