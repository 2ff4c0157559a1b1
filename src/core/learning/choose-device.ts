import { RobleError } from '../base/errors.js';
import type { Device } from '../plugin/contracts.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { didYouMean } from '../base/text.js';
import { ranking, readMeasured } from './devices.js';

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
