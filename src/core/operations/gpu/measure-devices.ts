import { fork } from 'node:child_process';
import { type Context, withStep } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import type { MeasuredDevice } from '../../learning/devices.js';
import type { Device } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { ComputedValues, FromMeasureChild, ToMeasureChild } from './measure-worker.js';

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
 * that crashes, hangs or computes something else is told with its reason, and the next one goes on.
 */
export async function measureDevices(
  { registry, timeoutMs = TIMEOUT_MS, timedMs = TIMED_MS }: MeasureOptions,
  context: Context = {},
): Promise<{ devices: MeasuredDevice[]; missing: MissingEngine[] }> {
  const plugins = registry.entries;
  const ask = (message: ToMeasureChild) => askChild(message, timeoutMs, context.signal);
  const reference = await ask({ type: 'measure', ...REFERENCE, plugins });
  const devices: MeasuredDevice[] = [];
  const missing: MissingEngine[] = [];
  for (const { name: engine, kind } of plugins) {
    if (kind !== 'training-engine') continue;
    const listed = await withStep(context, `devices-${engine}`, `Looking for devices of ${engine}`, () =>
      ask({ type: 'devices', engine, plugins }),
    );
    if (listed.type !== 'devices') missing.push({ engine, reason: reasonOf(listed) });
    else
      for (const device of listed.devices)
        devices.push(
          await withStep(context, `${engine}-${device.id}`, `Trying ${engine} on ${device.id}`, async () =>
            judge(
              engine,
              device,
              await ask({ type: 'measure', engine, device: device.id, plugins, timedMs }),
              reference,
            ),
          ),
        );
  }
  return { devices, missing };
}

function judge(
  engine: string,
  { id: device, description, kind = device === 'cpu' ? 'cpu' : 'gpu', software = false }: Device,
  result: FromMeasureChild,
  reference: FromMeasureChild,
): MeasuredDevice {
  const known = { engine, device, description, kind, software };
  if (result.type !== 'measured') return { ...known, usable: false, reason: reasonOf(result) };
  const { type: _, values, warnings, ...rates } = result;
  // Such as a GPU that was asked for, and the CPU that computes in its place.
  if (kind === 'gpu' && warnings.length > 0)
    return { ...known, ...rates, usable: false, reason: warnings.join(' ') };
  if (reference.type !== 'measured') return { ...known, ...rates, usable: true };
  const difference = differenceOf(values, reference.values);
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

function reasonOf(message: FromMeasureChild): string {
  return message.type === 'failed'
    ? RobleError.fromJSON(message.error).message
    : 'the process answered out of turn';
}

/** The answer of a child, or how it ended without one. */
function askChild(
  message: ToMeasureChild,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<FromMeasureChild> {
  signal?.throwIfAborted();
  const child = fork(new URL('./measure-worker.js', import.meta.url), [], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    const fail = (message: string) =>
      resolve({ type: 'failed', error: new RobleError('ROBLE_DEVICE_UNAVAILABLE', message).toJSON() });
    const kill = () => child.kill('SIGKILL');
    const timer = setTimeout(() => {
      fail(`did not finish within ${timeoutMs / 1000} s`);
      kill();
    }, timeoutMs);
    const interrupt = () => {
      reject(signal!.reason);
      kill();
    };
    signal?.addEventListener('abort', interrupt, { once: true });
    child.once('message', (answer: FromMeasureChild) => resolve(answer));
    child.once('error', (error) => fail(`the process could not be started: ${error.message}`));
    child.once('exit', (code, by) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', interrupt);
      fail(`ended its process with ${by ?? `exit code ${code}`}`);
    });
    child.send(message, (error) => error && fail(`the process could not be told: ${error.message}`));
  });
}
