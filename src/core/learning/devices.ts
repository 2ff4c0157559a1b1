import { cpus, hostname } from 'node:os';
import { z } from 'zod';
import type { PluginRegistry } from '../plugin/registry.js';
import { keepCached, readCached } from '../base/storage/cache.js';
import { sha256 } from '../base/storage/durable.js';
import { robleVersion } from '../base/version.js';
import { gpusOnBus } from '../operations/gpu/inspect.js';
import { thisMachine } from '../base/process/machine.js';

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

/** Another machine, GPU, driver, runtime or plugin is measured anew. */
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
