import { cpus, freemem, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MachineView, thisMachine } from '../../base/process/machine.js';
import { askNvidiaSmi, numberOf } from './nvidia-smi.js';

/** How busy one processor is. What it does not tell is left out. */
export interface Utilization {
  readonly name: string;
  /** 0..1 */
  readonly busy?: number;
  readonly memoryUsedBytes?: number;
  readonly memoryTotalBytes?: number;
  readonly celsius?: number;
  readonly watts?: number;
}

const MIB = 2 ** 20;

/** The CPU over a time, and then every GPU that `nvidia-smi` knows. */
export async function sampleUtilization(
  durationMs: number,
  signal?: AbortSignal,
  view: MachineView = thisMachine(),
): Promise<Utilization[]> {
  const before = cpuTimes();
  await sleep(durationMs, undefined, signal && { signal });
  const after = cpuTimes();
  const total = totalmem();
  const cpu: Utilization = {
    name: 'CPU',
    busy: (after.busy - before.busy) / Math.max(1, after.all - before.all),
    memoryUsedBytes: total - freemem(),
    memoryTotalBytes: total,
  };
  const gpus = (await askNvidiaSmi(view))?.gpus ?? [];
  return [
    cpu,
    ...gpus.map((gpu, i): Utilization => {
      const [busy, used, all, celsius, watts] = (
        ['utilization.gpu', 'memory.used', 'memory.total', 'temperature.gpu', 'power.draw'] as const
      ).map((field) => numberOf(gpu, field));
      return {
        name: `GPU ${gpu.index ?? i} ${gpu.name ?? ''}`.trim(),
        ...(busy !== undefined && { busy: busy / 100 }),
        ...(used !== undefined && { memoryUsedBytes: used * MIB }),
        ...(all !== undefined && { memoryTotalBytes: all * MIB }),
        ...(celsius !== undefined && { celsius }),
        ...(watts !== undefined && { watts }),
      };
    }),
  ];
}

function cpuTimes(): { busy: number; all: number } {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const sum = Object.values(times).reduce((a, b) => a + b, 0);
    all += sum;
    busy += sum - times.idle;
  }
  return { busy, all };
}
