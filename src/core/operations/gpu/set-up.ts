import { availableParallelism, cpus, totalmem } from 'node:os';
import { isAlias } from 'yaml';
import { type Context, withStep } from '../../base/context.js';
import type { ReportedCheck } from '../../base/diagnosis.js';
import { RobleError } from '../../base/errors.js';
import { type MachineView, type PciGpu, thisMachine } from '../../base/process/machine.js';
import { readYaml } from '../../base/schema/yaml-text.js';
import { replaceFile } from '../../base/storage/durable.js';
import { readTextFile } from '../../base/storage/text-file.js';
import { gpuNumber, keepMeasured, type MeasuredDevice, ranking, realGpus } from '../../learning/devices.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { describeEnvironment, type Environment } from './facts.js';
import { inspectMachine } from './inspect.js';
import { type MissingEngine, measureDevices } from './measure-devices.js';
import type { GpuState } from './nvidia-smi.js';

export interface SetUpOptions {
  readonly registry: PluginRegistry;
  /** What the configuration asks for. */
  readonly engine: string;
  readonly device: string;
  /** By default this machine. */
  readonly view?: MachineView;
  /** Longest time for one device, in milliseconds. */
  readonly timeoutMs?: number;
}

/** All that `gpu:setup` finds out; plain data. */
export interface SetUpResult {
  readonly machine: {
    readonly processor: string;
    readonly threads: number;
    readonly memoryBytes: number;
    readonly node: string;
    readonly environment: Environment;
    /** For people. */
    readonly where: string;
    readonly gpus: readonly PciGpu[];
    readonly states: readonly GpuState[];
  };
  readonly findings: readonly ReportedCheck[];
  readonly devices: readonly MeasuredDevice[];
  readonly missing: readonly MissingEngine[];
  /** The fastest in training; none where not even the CPU computes. */
  readonly best?: MeasuredDevice;
  /** What the configuration asks for, and whether it can be had. */
  readonly asked: {
    readonly engine: string;
    readonly device: string;
    readonly usable: boolean;
    readonly reason?: string;
  };
  /** Whether `auto` will know of it: the measurement is in the user's cache folder. */
  readonly kept: boolean;
}

/** Checks the machine, tries and times every device of every engine, and keeps what it measured for the device `auto`. */
export async function setUpGpu(options: SetUpOptions, context: Context = {}): Promise<SetUpResult> {
  const { registry, view = thisMachine(), timeoutMs } = options;
  const report = await withStep(context, 'machine', 'Checking the machine', () =>
    inspectMachine(view, context),
  );
  const { devices, missing } = await measureDevices({ registry, ...(timeoutMs && { timeoutMs }) }, context);
  const [best] = ranking(devices);
  return {
    machine: {
      processor: cpus()[0]?.model ?? 'unknown',
      threads: availableParallelism(),
      memoryBytes: totalmem(),
      node: process.version,
      environment: report.environment,
      where: describeEnvironment(report.environment),
      gpus: report.gpus,
      states: report.states,
    },
    findings: report.findings,
    devices,
    missing,
    ...(best && { best }),
    asked: { engine: options.engine, device: options.device, ...verdictOn(options, devices, missing) },
    kept: await keepMeasured(registry, devices),
  };
}

/** Whether one of the devices is what a configuration asks for. */
export function verdictOn(
  { engine, device }: { readonly engine: string; readonly device: string },
  devices: readonly MeasuredDevice[],
  missing: readonly MissingEngine[],
): { usable: boolean; reason?: string } {
  const own = devices.filter((one) => one.engine === engine);
  const absent = missing.find((one) => one.engine === engine);
  if (absent) return { usable: false, reason: absent.reason };
  const number = gpuNumber(device);
  const named = number === undefined ? own.find((one) => one.device === device) : realGpus(own)[number];
  const asked = device === 'auto' ? ranking(own)[0] : named;
  if (!asked) {
    const names = own.map((one) => one.device).join(', ') || 'none';
    return { usable: false, reason: `the engine "${engine}" has no device "${device}" here, but ${names}` };
  }
  return asked.usable ? { usable: true } : { usable: false, reason: asked.reason ?? 'it cannot be used' };
}

/**
 * Sets `train.engine` and `train.device` in a configuration file, and leaves the rest of it, comments and all, as it is.
 *
 * @throws {RobleError} `ROBLE_CONFIG_SYNTAX`; `ROBLE_CONFIG_INVALID` where `train` is an alias
 */
export async function writeDevice(
  file: string,
  { engine, device }: { engine: string; device: string },
): Promise<void> {
  const { document } = readYaml(await readTextFile(file, { code: 'ROBLE_CONFIG_SYNTAX' }), { name: file });
  if (isAlias(document.get('train', true)))
    throw new RobleError(
      'ROBLE_CONFIG_INVALID',
      `${file} gives "train" by an alias, which would change elsewhere too.`,
      {
        expected: 'settings that are written out',
        nextSteps: [`Write "engine: ${engine}" and "device: ${device}" where the anchor is.`],
      },
    );
  document.setIn(['train', 'engine'], engine);
  document.setIn(['train', 'device'], device);
  await replaceFile(
    file,
    file.endsWith('.json') ? `${JSON.stringify(document.toJS(), null, 2)}\n` : document.toString(),
  );
}
