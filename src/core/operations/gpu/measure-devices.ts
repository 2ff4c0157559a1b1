import { type Context, withStep } from '../../base/context.js';
import type { RobleError } from '../../base/errors.js';
import { type RunningWorker, startChild, WorkerDied } from '../../base/process/workers.js';
import type { MeasuredDevice } from '../../learning/devices.js';
import type { Device, PluginEntry } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { ComputedValues, Measured, MeasureWorker } from './measure-worker.js';

/** The device that others are compared with. */
const REFERENCE = { engine: 'onnx', device: 'cpu' } as const;
/**
 * Largest difference of a loss or a probability from the reference's, after three steps of AdamW. Sums in another order
 * differ by about 1e-6; AdamW divides by the size of gradients, and multiplies that where they are near zero.
 */
const TOLERANCE = 2e-3;
/** Longest time for one device: for its libraries to load, its kernels to be compiled, and the timing. */
const TIMEOUT_MS = 90_000;
/** What is timed runs at least once, and then for so long. */
const TIMED_MS = 2000;

export interface MeasureOptions {
  readonly registry: PluginRegistry;
  /** For one device, in milliseconds. */
  readonly timeoutMs?: number;
  /** For training, and again for inference, on one device, in milliseconds. */
  readonly timedMs?: number;
}

/** An engine that has no devices here, such as one whose package is not installed. */
export interface MissingEngine {
  readonly engine: string;
  readonly reason: string;
}

/**
 * Tries every device of every engine, each in a process of its own with a time limit: it trains a few steps, is compared
 * with the engine `onnx` on the CPU from the same weights and pictures, and is timed with the network `cnn-v2`. A device
 * that crashes, hangs or computes something else is reported with its reason, and the next one goes on.
 */
export async function measureDevices(
  { registry, timeoutMs = TIMEOUT_MS, timedMs = TIMED_MS }: MeasureOptions,
  context: Context = {},
): Promise<{ devices: MeasuredDevice[]; missing: MissingEngine[] }> {
  const plugins = registry.entries;
  const limits = { timeoutMs, signal: context.signal };
  const measure = (engine: string, device: string, timing: { timedMs?: number } = {}) =>
    tryInChild(limits, (child) => child.call('measure', { engine, device, plugins, ...timing }, limits));
  const reference = await measure(REFERENCE.engine, REFERENCE.device);
  const devices: MeasuredDevice[] = [];
  const missing: MissingEngine[] = [];
  for (const { name: engine, kind } of plugins) {
    if (kind !== 'training-engine') continue;
    const listed = await withStep(context, `devices-${engine}`, `Looking for devices of ${engine}`, () =>
      listDevices(engine, plugins, limits),
    );
    if ('reason' in listed) missing.push({ engine, reason: listed.reason });
    else
      for (const device of listed.result)
        devices.push(
          await withStep(context, `${engine}-${device.id}`, `Trying ${engine} on ${device.id}`, async () =>
            judge(engine, device, await measure(engine, device.id, { timedMs }), reference),
          ),
        );
  }
  return { devices, missing };
}

interface Limits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** The devices that an engine lists, which are not tried, or why it has none here. */
export function listDevices(
  engine: string,
  plugins: readonly PluginEntry[],
  limits: Limits,
): Promise<Tried<readonly Device[]>> {
  return tryInChild(limits, (child) => child.call('devices', { engine, plugins }, limits));
}

/** What a process of its own answered, or why it did not. */
type Tried<T> = { readonly result: T } | { readonly reason: string };

async function tryInChild<T>(
  { timeoutMs, signal }: Limits,
  call: (child: RunningWorker<MeasureWorker>) => Promise<T>,
): Promise<Tried<T>> {
  signal?.throwIfAborted();
  const child = startChild<MeasureWorker>(new URL('./measure-worker.js', import.meta.url), undefined, {
    name: 'A process that measures a device',
  });
  try {
    return { result: await call(child) };
  } catch (error) {
    signal?.throwIfAborted();
    return { reason: reasonOf(error as RobleError, timeoutMs) };
  } finally {
    void child.kill();
  }
}

function reasonOf(error: RobleError, timeoutMs: number): string {
  if (!(error instanceof WorkerDied)) return error.message;
  const { notStarted, killedFor, signal, code } = error.exit;
  if (notStarted) return `the process could not be started: ${notStarted.message}`;
  if (killedFor === 'deadline') return `did not finish within ${timeoutMs / 1000} s`;
  return `ended its process with ${signal ?? `exit code ${code}`}`;
}

function judge(
  engine: string,
  { id: device, description, kind = device === 'cpu' ? 'cpu' : 'gpu', software = false }: Device,
  tried: Tried<Measured>,
  reference: Tried<Measured>,
): MeasuredDevice {
  const known = { engine, device, description, kind, software };
  if ('reason' in tried) return { ...known, usable: false, reason: tried.reason };
  const { values, warnings, ...rates } = tried.result;
  // Such as a GPU that was asked for, and the CPU that computes in its place.
  if (kind === 'gpu' && warnings.length > 0)
    return { ...known, ...rates, usable: false, reason: warnings.join(' ') };
  if ('reason' in reference) return { ...known, ...rates, usable: true };
  const difference = differenceOf(values, reference.result.values);
  if (difference <= TOLERANCE) return { ...known, ...rates, usable: true, difference };
  const reason = `computes something else than ${REFERENCE.engine} on ${REFERENCE.device}: values differ by ${difference}, at most ${TOLERANCE} is expected`;
  return { ...known, ...rates, usable: false, reason };
}

/** Not a number, when one of the values is none, or there are not as many as expected. */
function differenceOf(values: ComputedValues, expected: ComputedValues): number {
  if (values.probabilities.length !== expected.probabilities.length) return Number.NaN;
  const pairs = [
    ...values.losses.map((loss, i) => [loss, expected.losses[i]!] as const),
    ...[...values.probabilities].map((value, i) => [value, expected.probabilities[i]!] as const),
  ];
  return Math.max(...pairs.map(([a, b]) => Math.abs(a - b)));
}
