import type { CommandResult, MachineView } from '../../src/core/base/process/machine.js';

export interface FakeMachine {
  /** Text by absolute path; a folder is what has files in it. */
  readonly files?: Readonly<Record<string, string>>;
  /** Files that this user may not open. */
  readonly closed?: readonly string[];
  /** What programs answer, by the start of the command line; the first that fits. */
  readonly commands?: readonly (readonly [start: string, output: string, exitCode?: number])[];
  readonly env?: Readonly<Record<string, string>>;
  readonly platform?: NodeJS.Platform;
}

/** Another machine than this one, for the checks: files, environment and captured output of programs. */
export function fakeMachine({
  files = {},
  closed = [],
  commands = [],
  env = {},
  platform = 'linux',
}: FakeMachine): MachineView {
  const paths = Object.keys(files);
  const inside = (folder: string) => paths.filter((path) => path.startsWith(`${folder}/`));
  return {
    platform,
    env,
    read: async (path) => files[path],
    list: async (folder) =>
      [...new Set(inside(folder).map((path) => path.slice(folder.length + 1).split('/')[0]!))].sort(),
    exists: async (path) => path in files || inside(path).length > 0,
    isAccessible: async (path) => path in files && !closed.includes(path),
    async run(program, args): Promise<CommandResult | undefined> {
      const line = [program, ...args].join(' ');
      const found = commands.find(([start]) => line.startsWith(start));
      return found && { output: found[1], exitCode: found[2] ?? 0 };
    },
  };
}

const PCI = '/sys/bus/pci/devices/0000:01:00.0';
const HELP = [
  'List of valid properties to query for the switch "--query-gpu":',
  ...['index', 'name', 'driver_version', 'compute_cap', 'memory.total', 'memory.used', 'memory.free'],
  ...['utilization.gpu', 'temperature.gpu', 'compute_mode', 'ecc.errors.uncorrected.volatile.total'],
]
  .map((name) => `"${name}"`)
  .join('\n');

/** The fields that `HELP` lists, in the order of the question. */
const GPU = '0, NVIDIA L4, 550.90.07, 8.9, 23034, 512, 22522, 3, 41, Default, 0';

/** A healthy machine with one NVIDIA GPU and all that roble can use. */
export const HEALTHY: Required<Pick<FakeMachine, 'files' | 'commands'>> = {
  files: {
    [`${PCI}/vendor`]: '0x10de\n',
    [`${PCI}/class`]: '0x030200\n',
    '/sys/bus/pci/devices/0000:00:02.0/vendor': '0x8086\n',
    '/sys/bus/pci/devices/0000:00:02.0/class': '0x020000\n',
    '/proc/driver/nvidia/version':
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  Fri May 31 09:35:42 UTC 2024\n',
    '/dev/nvidia0': '',
    '/dev/nvidiactl': '',
    '/dev/dri/renderD128': '',
    '/usr/share/vulkan/icd.d/nvidia_icd.json': '{}',
  },
  commands: [
    ['nvidia-smi --help-query-gpu', HELP],
    ['nvidia-smi --query-gpu', GPU],
    ['nvidia-smi --query-compute-apps', ''],
    [
      '/sbin/ldconfig -p',
      ['libcudart.so.12', 'libcublas.so.12', 'libcufft.so.11', 'libcudnn.so.9', 'libvulkan.so.1']
        .map((name) => `\t${name} (libc6,x86-64) => /usr/lib/${name}`)
        .join('\n'),
    ],
    ['dmesg', '[    1.0] usb 1-1: new device\n'],
  ],
};
