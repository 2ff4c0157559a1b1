import { ACCESS_CHECKS } from './access.js';
import { DRIVER_CHECKS } from './checks.js';
import { HEALTH_CHECKS } from './health.js';
import { LIBRARY_CHECKS } from './libraries.js';
import { detectEnvironment, type Environment } from './facts.js';
import type { Check, Finding, MachineFacts, PciGpu } from './finding.js';
import type { MachineView } from '../../base/process/machine.js';
import { askNvidiaSmi, type GpuState } from './nvidia-smi.js';

const CHECKS: readonly Check[] = [...DRIVER_CHECKS, ...ACCESS_CHECKS, ...LIBRARY_CHECKS, ...HEALTH_CHECKS];

const VENDORS: Readonly<Record<string, PciGpu['vendor']>> = {
  '0x10de': 'NVIDIA',
  '0x1002': 'AMD',
  '0x8086': 'Intel',
};
/** PCI classes of displays and 3D controllers begin so. */
const DISPLAY_CLASS = '0x03';

/** What a machine has for computing on a GPU, and what stands in its way. */
export interface MachineReport {
  readonly environment: Environment;
  readonly gpus: readonly PciGpu[];
  /** What `nvidia-smi` says of each. */
  readonly states: readonly GpuState[];
  readonly findings: readonly Finding[];
}

/** Runs every check; none of them changes anything. */
export async function inspectMachine(view: MachineView): Promise<MachineReport> {
  const facts = await gatherFacts(view);
  const findings: Finding[] = [];
  for (const check of CHECKS)
    findings.push({ id: check.id, title: check.title, ...(await check.run(facts)) });
  return {
    environment: facts.environment,
    gpus: facts.pciGpus,
    states: facts.smi?.gpus ?? [],
    findings,
  };
}

async function gatherFacts(view: MachineView): Promise<MachineFacts> {
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

/** Looks into the cache of the loader of shared libraries, and into the folders of LD_LIBRARY_PATH. */
async function libraryTest(view: MachineView): Promise<MachineFacts['hasLibrary']> {
  const cached = (await view.run('/sbin/ldconfig', ['-p']))?.output ?? '';
  const own: string[] = [];
  for (const folder of (view.env.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean))
    own.push(...(await view.list(folder)));
  return (name) => cached.includes(name) || own.includes(name);
}

/** The graphics processors that the kernel knows. */
export async function gpusOnBus(view: MachineView): Promise<PciGpu[]> {
  const gpus: PciGpu[] = [];
  for (const address of await view.list('/sys/bus/pci/devices')) {
    const read = async (name: string) =>
      (await view.read(`/sys/bus/pci/devices/${address}/${name}`))?.trim() ?? '';
    if (!(await read('class')).startsWith(DISPLAY_CLASS)) continue;
    gpus.push({ address, vendor: VENDORS[await read('vendor')] ?? 'another vendor' });
  }
  return gpus;
}
