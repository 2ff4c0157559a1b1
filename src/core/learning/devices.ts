import { cpus, hostname } from 'node:os';
import { z } from 'zod';
import { RobleError } from '../base/errors.js';
import { gpusOnBus, thisMachine } from '../base/process/machine.js';
import { keepCached, readCached } from '../base/storage/cache.js';
import { sha256 } from '../base/storage/durable.js';
import { didYouMean } from '../base/text/text.js';
import { robleVersion } from '../base/version.js';
import type { Device } from '../plugin/contracts.js';
import type { PluginRegistry } from '../plugin/registry.js';

const measuredDeviceSchema = z.object({
  engine: z.string(),
  /** What a user writes for `--device`. */
  device: z.string(),
  description: z.string(),
  kind: z.enum(['cpu', 'gpu']),
  /** A graphics adapter that computes on the CPU: never chosen by itself. */
  software: z.boolean(),
  usable: z.boolean(),
  /** Why it cannot be used. */
  reason: z.string().optional(),
  /** Of a training step of the reference network; without it the device is too slow to be timed. */
  trainImagesPerSecond: z.number().optional(),
  inferImagesPerSecond: z.number().optional(),
  /** Largest difference of a loss or a probability from the reference device's. */
  difference: z.number().optional(),
});
/** What one device of one engine was found to do on this machine. */
export type MeasuredDevice = z.output<typeof measuredDeviceSchema>;

const measuredSchema = z.object({ measuredAt: z.string(), devices: z.array(measuredDeviceSchema) });
export type Measured = z.output<typeof measuredSchema>;

/** What was measured on this machine with these plugins; undefined where nothing was, or something has changed since. */
export async function readMeasured(registry: PluginRegistry): Promise<Measured | undefined> {
  const parsed = measuredSchema.safeParse(await readCached(await nameFor(registry)));
  return parsed.success ? parsed.data : undefined;
}

/** Gives false where the user's cache folder cannot be written. */
export async function keepMeasured(
  registry: PluginRegistry,
  devices: readonly MeasuredDevice[],
): Promise<boolean> {
  return keepCached(await nameFor(registry), { measuredAt: new Date().toISOString(), devices });
}

/** The usable devices, the fastest in training first; what computes on the CPU under another name is left out. */
export function ranking(devices: readonly MeasuredDevice[]): MeasuredDevice[] {
  const rate = ({ trainImagesPerSecond = 0 }: MeasuredDevice) => trainImagesPerSecond;
  return devices.filter(({ usable, software }) => usable && !software).sort((a, b) => rate(b) - rate(a));
}

/** Names the measurement by all that it depends on: another machine, GPU, driver, runtime or plugin needs another one. */
async function nameFor(registry: PluginRegistry): Promise<string> {
  const view = thisMachine();
  const machine = {
    host: hostname(),
    processor: cpus()[0]?.model,
    threads: cpus().length,
    node: process.version,
    // Which names the exact version of its runtime.
    roble: robleVersion(),
    gpus: await gpusOnBus(view),
    driver: await view.read('/proc/driver/nvidia/version'),
    engines: registry.entries.filter(({ kind }) => kind === 'training-engine').map(({ name }) => name),
  };
  return `devices/${sha256(JSON.stringify(machine)).slice(0, 32)}`;
}

export interface ChosenDevice {
  readonly device: string;
  /** For people; undefined where the user named the device. */
  readonly why?: string;
}

/**
 * The device that a setting stands for. `auto`: the fastest one that `gpu:setup` measured on this machine for the
 * engine, never a software adapter; without a measurement the CPU, and nothing is tried. `gpu` and `gpu:1`: the first
 * and the second GPU of the engine. Everything else is a device's own name, for the engine to check.
 *
 * @throws {RobleError} `ROBLE_DEVICE_UNAVAILABLE` where there is no such GPU
 */
export async function chooseDevice(
  { engine, device }: { readonly engine: string; readonly device: string },
  registry: PluginRegistry,
): Promise<ChosenDevice> {
  if (device === 'auto') return fastest(engine, registry);
  const number = gpuNumber(device);
  return number === undefined ? { device } : nthGpu(engine, device, number, registry);
}

/** Which GPU of an engine `gpu` or `gpu:1` stands for, from 0; undefined for a name of another form. */
export function gpuNumber(device: string): number | undefined {
  const match = /^gpu(?::(\d+))?$/.exec(device);
  return match ? Number(match[1] ?? 0) : undefined;
}

/** The devices that are GPUs; what computes on the CPU under another name is none. */
export function realGpus<T extends Pick<Device, 'kind' | 'software'>>(devices: readonly T[]): T[] {
  return devices.filter(({ kind, software }) => kind === 'gpu' && !software);
}

async function fastest(engine: string, registry: PluginRegistry): Promise<ChosenDevice> {
  const measured = await readMeasured(registry);
  const [best] = ranking(measured?.devices ?? []).filter((one) => one.engine === engine);
  if (best)
    return {
      device: best.device,
      why: `the fastest that was measured here on ${measured!.measuredAt.slice(0, 10)}: ${Math.round(best.trainImagesPerSecond ?? 0)} images/s with cnn-v2`,
    };
  return { device: 'cpu', why: 'nothing else was measured here; "roble gpu:setup" looks for a GPU' };
}

async function nthGpu(
  engine: string,
  wanted: string,
  number: number,
  registry: PluginRegistry,
): Promise<ChosenDevice> {
  const plugin = await registry.load('training-engine', engine);
  const devices = await plugin.devices();
  const chosen = realGpus(devices)[number];
  if (chosen) return { device: chosen.id, why: chosen.description };
  const ids = devices.map(({ id }) => id);
  throw new RobleError('ROBLE_DEVICE_UNAVAILABLE', `The engine "${engine}" has no device "${wanted}" here.`, {
    received: wanted,
    expected: `one of auto, ${ids.join(', ')}`,
    nextSteps: [
      ...didYouMean(wanted, ids),
      '"roble gpu:setup" says what this machine can do, and what is in the way.',
    ],
  });
}
