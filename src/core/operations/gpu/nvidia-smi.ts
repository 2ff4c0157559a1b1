import { cpus, freemem, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MachineView, thisMachine } from '../../base/process/machine.js';

/** What is worth showing; drivers know different ones. */
const FIELDS = [
  'index',
  'name',
  'uuid',
  'driver_version',
  'compute_cap',
  'memory.total',
  'memory.used',
  'memory.free',
  'utilization.gpu',
  'temperature.gpu',
  'power.draw',
  'power.limit',
  'pstate',
  'compute_mode',
  'ecc.errors.uncorrected.volatile.total',
  'pcie.link.gen.current',
  'pcie.link.width.current',
] as const;
type Field = (typeof FIELDS)[number];

/** One GPU, as `nvidia-smi` reports it: text by field, without the fields that a driver does not know. */
export type GpuState = Readonly<Partial<Record<Field, string>>>;

export interface NvidiaSmi {
  readonly gpus: readonly GpuState[];
  /** Its error, when it could not answer. */
  readonly failure?: string;
}

/** Asks `nvidia-smi`, only for what `--help-query-gpu` of this driver lists; undefined where it is not installed. */
export async function askNvidiaSmi(view: MachineView): Promise<NvidiaSmi | undefined> {
  const help = await view.run('nvidia-smi', ['--help-query-gpu']);
  if (!help) return undefined;
  const known = FIELDS.filter((field) => help.output.includes(`"${field}"`));
  // A driver that cannot answer gives no list either; its error comes with the query.
  const fields = known.length > 0 ? known : (['index', 'name'] as const);
  const answer = await view.run('nvidia-smi', [
    `--query-gpu=${fields.join()}`,
    '--format=csv,noheader,nounits',
  ]);
  if (!answer) return { gpus: [], failure: 'nvidia-smi did not answer within 10 s' };
  if (answer.exitCode !== 0) return { gpus: [], failure: answer.output.trim() };
  return {
    gpus: answer.output
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => stateOf(line, fields)),
  };
}

function stateOf(line: string, fields: readonly Field[]): GpuState {
  const values = line.split(',').map((value) => value.trim());
  const known = fields.flatMap((field, i) => {
    const value = values[i];
    return value === undefined || /^\[?(?:N\/A|Not Supported|Unknown Error)\]?$/i.test(value)
      ? []
      : [[field, value]];
  });
  return Object.fromEntries(known) as GpuState;
}

/** A field as a number, such as `memory.free` in MiB. */
export function numberOf(gpu: GpuState, field: Field): number | undefined {
  const value = Number(gpu[field]);
  return gpu[field] === undefined || Number.isNaN(value) ? undefined : value;
}

/** How busy one processor is, as far as it reports it. */
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
