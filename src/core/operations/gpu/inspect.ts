import type { Context } from '../../base/context.js';
import { type ReportedCheck, reportedCheck } from '../../base/diagnosis.js';
import { runChecks } from '../../base/findings.js';
import type { MachineView, PciGpu } from '../../base/process/machine.js';
import { MACHINE_CHECKS } from './checks.js';
import { type Environment, gatherFacts } from './facts.js';
import type { GpuState } from './nvidia-smi.js';

/** What a machine has for computing on a GPU, and what stands in its way. */
export interface MachineReport {
  readonly environment: Environment;
  readonly gpus: readonly PciGpu[];
  /** What `nvidia-smi` says of each. */
  readonly states: readonly GpuState[];
  readonly findings: readonly ReportedCheck[];
}

/** Runs every check; none of them changes anything. */
export async function inspectMachine(
  view: MachineView,
  { signal }: Pick<Context, 'signal'> = {},
): Promise<MachineReport> {
  const facts = await gatherFacts(view);
  const findings: ReportedCheck[] = [];
  for await (const [check, found] of runChecks(MACHINE_CHECKS, facts, { signal })) {
    findings.push(reportedCheck(check, found));
  }
  return {
    environment: facts.environment,
    gpus: facts.pciGpus,
    states: facts.smi?.gpus ?? [],
    findings,
  };
}
