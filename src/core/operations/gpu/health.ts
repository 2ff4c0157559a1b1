import { type Check, failed, ok, skipped, warning } from './finding.js';
import { type GpuState, numberOf } from './nvidia-smi.js';

/** Events of the driver after which a GPU must not be trusted (NVIDIA, Xid errors). */
const FATAL_XIDS: Readonly<Record<number, string>> = {
  48: 'double bit ECC error',
  63: 'row remapping or page retirement recorded',
  64: 'row remapping or page retirement failed',
  79: 'the GPU has fallen off the bus',
};
const LEAST_FREE_MIB = 1024;

export const HEALTH_CHECKS: readonly Check[] = [
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
