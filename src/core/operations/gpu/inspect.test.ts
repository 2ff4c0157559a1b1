import { describe, expect, it } from 'vitest';
import { type FakeMachine, fakeMachine, HEALTHY } from '../../../../test/support/fake-machine.js';
import { thisMachine } from '../../base/process/machine.js';
import { inspectMachine } from './inspect.js';

const inspect = (machine: FakeMachine) => inspectMachine(fakeMachine(machine));

/** The healthy machine with other files, commands and variables; a file or command that is `undefined` is taken away. */
function changed(changes: {
  files?: Readonly<Record<string, string | undefined>>;
  commands?: readonly (readonly [string, string | undefined, number?])[];
  env?: Readonly<Record<string, string>>;
  closed?: readonly string[];
}): FakeMachine {
  const files = { ...HEALTHY.files, ...changes.files };
  const replaced = (changes.commands ?? []).map(([start]) => start);
  return {
    files: Object.fromEntries(
      Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    commands: [
      ...(changes.commands ?? []).filter(
        (command): command is readonly [string, string, number?] => command[1] !== undefined,
      ),
      ...HEALTHY.commands.filter(([start]) => !replaced.includes(start)),
    ],
    env: changes.env ?? {},
    closed: changes.closed ?? [],
  };
}

const NO_DRIVER = {
  '/proc/driver/nvidia/version': undefined,
  '/dev/nvidia0': undefined,
  '/dev/nvidiactl': undefined,
};
const NO_SMI: readonly (readonly [string, undefined])[] = [
  ['nvidia-smi --help-query-gpu', undefined],
  ['nvidia-smi --query-gpu', undefined],
  ['nvidia-smi --query-compute-apps', undefined],
];
const smiSays = (words: string) =>
  [
    ['nvidia-smi --help-query-gpu', words, 18],
    ['nvidia-smi --query-gpu', words, 18],
  ] as const;

describe('inspectMachine', () => {
  it('finds nothing wrong with a healthy machine, and tells what it has', async () => {
    const { findings, gpus, states } = await inspect(HEALTHY);
    expect(findings.filter(({ status }) => status !== 'ok').map(({ id }) => id)).toEqual(['container']);
    expect(gpus).toEqual([{ address: '0000:01:00.0', vendor: 'NVIDIA' }]);
    expect(states).toEqual([
      expect.objectContaining({ name: 'NVIDIA L4', driver_version: '550.90.07', 'memory.free': '22522' }),
    ]);
  });

  it('takes a machine without a GPU as it is', async () => {
    const { findings, gpus } = await inspect({});
    expect(gpus).toEqual([]);
    expect(new Set(findings.map(({ status }) => status))).toEqual(new Set(['skipped']));
  });

  it.each([
    [
      'driver-loaded',
      'failed',
      'no driver for it',
      'nvidia-driver',
      changed({ files: NO_DRIVER, commands: NO_SMI }),
    ],
    [
      'driver-loaded',
      'failed',
      'nouveau',
      'reboot',
      changed({ files: { ...NO_DRIVER, '/sys/module/nouveau/version': '1' }, commands: NO_SMI }),
    ],
    [
      'driver-loaded',
      'failed',
      'no driver for it',
      'Secure Boot is on',
      changed({ files: NO_DRIVER, commands: [...NO_SMI, ['mokutil --sb-state', 'SecureBoot enabled']] }),
    ],
    [
      'driver-matches',
      'failed',
      'two versions',
      'Reboot',
      changed({
        commands: smiSays(
          'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.90',
        ),
      }),
    ],
    [
      'driver-matches',
      'failed',
      'two versions',
      'libnvidia-ml of the image',
      changed({
        files: { '/.dockerenv': '' },
        commands: smiSays('Failed to initialize NVML: Driver/library version mismatch'),
      }),
    ],
    [
      'driver-matches',
      'failed',
      'lost its GPU',
      'CDI',
      changed({
        files: { '/.dockerenv': '' },
        commands: smiSays('Failed to initialize NVML: Unknown Error'),
      }),
    ],
    [
      'driver-matches',
      'failed',
      'No devices were found',
      'dmesg',
      changed({ commands: smiSays('No devices were found') }),
    ],
    [
      'driver-new-enough',
      'warning',
      'too old for CUDA 12, and enough for CUDA 11',
      '525',
      changed({
        files: { '/proc/driver/nvidia/version': 'NVRM version: NVIDIA Kernel Module  470.199.02  x' },
      }),
    ],
    [
      'container',
      'failed',
      'this container has none',
      '--gpus all',
      changed({ files: { ...NO_DRIVER, '/.dockerenv': '' }, commands: NO_SMI }),
    ],
    [
      'container',
      'failed',
      'this container has none',
      'podman run',
      changed({ files: { ...NO_DRIVER, '/run/.containerenv': '' }, commands: NO_SMI }),
    ],
    [
      'container',
      'failed',
      'this pod has none',
      'nvidia.com/gpu: 1',
      changed({ files: NO_DRIVER, commands: NO_SMI, env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } }),
    ],
    [
      'masked',
      'failed',
      'CUDA_VISIBLE_DEVICES="-1"',
      'unset CUDA_VISIBLE_DEVICES',
      changed({ env: { CUDA_VISIBLE_DEVICES: '-1' } }),
    ],
    [
      'masked',
      'failed',
      'NVIDIA_VISIBLE_DEVICES="void"',
      'unset',
      changed({ env: { NVIDIA_VISIBLE_DEVICES: 'void' } }),
    ],
    [
      'masked',
      'failed',
      'CUDA_VISIBLE_DEVICES=""',
      '--gres=gpu:1',
      changed({ env: { CUDA_VISIBLE_DEVICES: '', SLURM_JOB_ID: '7' } }),
    ],
    [
      'permissions',
      'warning',
      '/dev/dri/renderD128',
      'usermod -aG render,video',
      changed({ closed: ['/dev/dri/renderD128'] }),
    ],
    [
      'cuda-libraries',
      'warning',
      'libcudnn.so.9',
      'cuDNN 9',
      changed({
        commands: [['/sbin/ldconfig -p', 'libcudart.so.12 libcublas.so.12 libcufft.so.11 libvulkan.so.1']],
      }),
    ],
    [
      'vulkan',
      'failed',
      'no loader',
      'libvulkan1',
      changed({ commands: [['/sbin/ldconfig -p', 'libc.so.6']] }),
    ],
    [
      'vulkan',
      'failed',
      'compute on the CPU',
      'graphics',
      changed({
        files: {
          '/usr/share/vulkan/icd.d/nvidia_icd.json': undefined,
          '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json': '{}',
          '/.dockerenv': '',
        },
      }),
    ],
    [
      'health',
      'failed',
      'Xid 79, the GPU has fallen off the bus',
      'out of use',
      changed({
        commands: [['dmesg', '[9.1] NVRM: Xid (PCI:0000:01:00): 79, pid=77, GPU has fallen off the bus.']],
      }),
    ],
    [
      'health',
      'failed',
      '3 uncorrected memory errors',
      'replace the GPU',
      changed({
        commands: [
          ['nvidia-smi --query-gpu', '0, NVIDIA L4, 550.90.07, 8.9, 23034, 512, 22522, 3, 41, Default, 3'],
        ],
      }),
    ],
    [
      'contention',
      'warning',
      '500 MiB free',
      '4242, python, 22000 MiB',
      changed({
        commands: [
          ['nvidia-smi --query-gpu', '0, NVIDIA L4, 550.90.07, 8.9, 23034, 22534, 500, 99, 70, Default, 0'],
          ['nvidia-smi --query-compute-apps', '4242, python, 22000 MiB'],
        ],
      }),
    ],
    [
      'contention',
      'warning',
      'Exclusive_Process',
      'gpu:1',
      changed({
        commands: [
          [
            'nvidia-smi --query-gpu',
            '0, NVIDIA L4, 550.90.07, 8.9, 23034, 1, 23033, 0, 40, Exclusive_Process, 0',
          ],
        ],
      }),
    ],
  ] as const)('%s: %s, %s', async (id, status, detail, advice, machine) => {
    const { findings } = await inspect(machine);
    const finding = findings.find((one) => one.id === id)!;
    expect(finding.status).toBe(status);
    expect(finding.detail).toContain(detail);
    expect(finding.advice!.join(' ')).toContain(advice);
  });

  it('does not take another Xid, or a value that the driver does not know, for a fault', async () => {
    const { findings } = await inspect(
      changed({
        commands: [
          ['dmesg', '[9.1] NVRM: Xid (PCI:0000:01:00): 13, pid=77, Graphics Exception'],
          [
            'nvidia-smi --query-gpu',
            '0, NVIDIA L4, 550.90.07, 8.9, [N/A], [N/A], [N/A], 0, 40, Default, [N/A]',
          ],
        ],
      }),
    );
    expect(findings.filter(({ status }) => status === 'failed' || status === 'warning')).toEqual([]);
  });

  it('runs on this machine, whatever it has, and every finding says something', async () => {
    const { findings } = await inspectMachine(thisMachine());
    for (const { detail, status, advice } of findings) {
      expect(detail.length).toBeGreaterThan(3);
      if (status === 'failed') expect(advice!.length).toBeGreaterThan(0);
    }
  });
});

describe('the environment', () => {
  it.each([
    [{ env: { KAGGLE_URL_BASE: 'x', COLAB_RELEASE_TAG: 'x' } }, { service: 'Kaggle' }],
    [{ files: { '/kaggle/working/x': '' }, env: { COLAB_RELEASE_TAG: 'x' } }, { service: 'Kaggle' }],
    [{ env: { COLAB_BACKEND_VERSION: 'next' } }, { service: 'Colab' }],
    [{ env: { SM_CURRENT_HOST: 'algo-1' } }, { service: 'SageMaker' }],
    [{ env: { CODESPACES: 'true' } }, { service: 'Codespaces' }],
    [{ files: { '/proc/sys/kernel/osrelease': '5.15.146.1-microsoft-standard-WSL2' } }, { isWsl: true }],
    [{ files: { '/dev/dxg': '' } }, { isWsl: true }],
    [{ files: { '/.dockerenv': '' } }, { container: 'Docker' }],
    [{ files: { '/run/.containerenv': '', '/.dockerenv': '' } }, { container: 'Podman' }],
    [
      { files: { '/.dockerenv': '' }, env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } },
      { container: 'Kubernetes' },
    ],
    [{ env: { SLURM_JOB_ID: '12' } }, { slurmJob: '12' }],
    [{ env: { CI: 'true' } }, { isCi: true }],
  ] as const)('of %j', async (machine, expected) => {
    const { environment } = await inspect(machine);
    expect(environment).toEqual({ isWsl: false, isCi: false, ...expected });
  });
});
