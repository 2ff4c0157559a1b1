import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a program printed and how it ended. */
export interface CommandResult {
  readonly exitCode: number;
  /** Standard output and standard error, one after the other. */
  readonly output: string;
}

/** All that the checks see of a machine, so that they can be shown another one. */
export interface MachineView {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of a file; undefined where it is not there or cannot be read. */
  read(path: string): Promise<string | undefined>;
  /** The names in a folder, sorted; none where there is no such folder. */
  list(folder: string): Promise<string[]>;
  exists(path: string): Promise<boolean>;
  /** Whether this user may read and write a file. */
  isAccessible(path: string): Promise<boolean>;
  /** Runs a program; undefined where it is not installed, or does not end in time. */
  run(program: string, args: readonly string[]): Promise<CommandResult | undefined>;
}

const COMMAND_TIMEOUT_MS = 10_000;

/**
 * The machine that this process runs on.
 *
 * @param root folder in place of `/`, for a tree that was copied from another machine
 */
export function thisMachine(root = '/'): MachineView {
  const at = (path: string) => join(root, path);
  const can = (path: string, mode: number) =>
    access(at(path), mode).then(
      () => true,
      () => false,
    );
  return {
    platform: process.platform,
    env: process.env,
    read: (path) => readFile(at(path), 'utf8').catch(() => undefined),
    list: async (folder) => (await readdir(at(folder)).catch(() => [])).sort(),
    exists: (path) => can(path, constants.F_OK),
    isAccessible: (path) => can(path, constants.R_OK | constants.W_OK),
    run: (program, args) =>
      new Promise((resolve) => {
        const options = { timeout: COMMAND_TIMEOUT_MS, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
        execFile(program, [...args], options, (error, stdout, stderr) => {
          // A number is an exit code; a word such as ENOENT says that it did not run, none that it was killed.
          const exitCode = error === null ? 0 : error.code;
          resolve(typeof exitCode === 'number' ? { exitCode, output: `${stdout}${stderr}` } : undefined);
        });
      }),
  };
}

/** A graphics processor on the bus. */
export interface PciGpu {
  readonly address: string;
  readonly vendor: 'NVIDIA' | 'AMD' | 'Intel' | 'another vendor';
}

const VENDORS: Readonly<Record<string, PciGpu['vendor']>> = {
  '0x10de': 'NVIDIA',
  '0x1002': 'AMD',
  '0x8086': 'Intel',
};
/** PCI classes of displays and 3D controllers begin so. */
const DISPLAY_CLASS = '0x03';

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
