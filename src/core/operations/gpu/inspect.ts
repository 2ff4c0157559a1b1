import { gpusOnBus, type MachineView, type PciGpu } from '../../base/process/machine.js';
import { ACCESS_CHECKS, DRIVER_CHECKS, HEALTH_CHECKS, LIBRARY_CHECKS } from './checks.js';
import { type Check, detectEnvironment, type Environment, type Finding, type MachineFacts } from './facts.js';
import { askNvidiaSmi, type GpuState } from './nvidia-smi.js';

const CHECKS: readonly Check[] = [...DRIVER_CHECKS, ...ACCESS_CHECKS, ...LIBRARY_CHECKS, ...HEALTH_CHECKS];

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
