import { fork } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, RobleError } from '../../../core/plugin/index.js';
import { CPU, type GpuProvider, type OnnxDevice, parseDevice } from '../../../engine-kit/onnx/runtime.js';
import type { ProbeReport } from './probe-worker.js';
import { explain, isSoftwareAdapter, type Unavailability } from './unavailable.js';

interface Probe extends ProbeReport {
  /** The adapter's name, where the Vulkan loader tells it. */
  readonly adapter: string | undefined;
}

/** Loading CUDA's libraries from a cold disk takes some seconds, a software adapter on a busy machine as many. */
const MAX_SECONDS = 60;

/**
 * Lets a provider compute something in a process of its own: a driver that crashes or hangs takes only that one with
 * it, and what loaders and drivers write goes into the explanation instead of onto the terminal.
 */
async function probe(provider: GpuProvider): Promise<Probe> {
  let folder: string;
  try {
    folder = await mkdtemp(join(tmpdir(), 'roble-probe-'));
  } catch (error) {
    const report = await childReport(provider, 'ignore');
    return {
      ...report,
      failure: `${report.failure}\nWhat it wrote is not known: ${(error as Error).message}.`,
      adapter: undefined,
    };
  }
  try {
    // Not a pipe: Node makes pipes non-blocking, and what native code writes to a full one is lost.
    const words = await open(join(folder, 'stderr'), 'w+');
    const report = await childReport(provider, words.fd);
    await words.close();
    const said = await readFile(join(folder, 'stderr'), 'utf8');
    return {
      working: report.working,
      failure: [report.failure, said].join('\n'),
      adapter: [...said.matchAll(/Using "(.+?)" with driver/g)].at(-1)?.[1],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function childReport(provider: GpuProvider, stderr: number | 'ignore'): Promise<ProbeReport> {
  const child = fork(new URL('./probe-worker.js', import.meta.url), [provider], {
    execArgv: [],
    stdio: ['ignore', 'ignore', stderr, 'ipc'],
    env: { ...process.env, VK_LOADER_DEBUG: 'all' },
    timeout: MAX_SECONDS * 1000,
    killSignal: 'SIGKILL',
  });
  return new Promise((resolve) => {
    const failed = (failure: string) => resolve({ working: [], failure });
    child.on('message', (report: ProbeReport) => resolve(report));
    child.on('error', ({ message }) => failed(`The probe could not be started: ${message}.`));
    // After 'close' no message can come; 'exit' may overtake it.
    child.on('close', (code, signal) =>
      failed(
        child.killed
          ? `The probe gave no answer within ${MAX_SECONDS} seconds.`
          : `The probe ended with ${signal ?? `exit code ${code}`}.`,
      ),
    );
  });
}

/** The GPUs that work here, each really probed. */
export async function usableGpus(): Promise<Device[]> {
  const [webgpu, cuda] = await Promise.all([probe('webgpu'), probe('cuda')]);
  return [
    ...webgpu.working.map((): Device => {
      const software = isSoftware(webgpu);
      return {
        id: software ? SOFTWARE : 'webgpu',
        description: `WebGPU: ${webgpu.adapter ?? 'an adapter without a name'}${software ? ', which computes on the CPU' : ''}`,
        kind: 'gpu',
        software,
      };
    }),
    ...cuda.working.map(
      (index): Device => ({
        id: `cuda:${index}`,
        description: `CUDA device ${index}`,
        kind: 'gpu',
        software: false,
      }),
    ),
  ];
}

const SOFTWARE = 'webgpu:software';

/** Also where Vulkan's loader does not tell the adapter: one that computes on the CPU must not pass for a GPU. */
function isSoftware({ adapter }: Probe): boolean {
  return adapter === undefined ? process.platform === 'linux' : isSoftwareAdapter(adapter);
}

/**
 * A device that works here, by its id.
 *
 * @throws {RobleError} `ROBLE_DEVICE_UNAVAILABLE`, which says why, and what to do about it.
 */
export async function openDevice(id: string): Promise<OnnxDevice> {
  const device = parseDevice(id);
  const { provider, index } = device;
  if (provider === 'cpu') return CPU;
  const found = await probe(provider);
  if (!found.working.includes(index)) throw unavailable(id, found.failure, explain(provider, found.failure));
  if (provider === 'webgpu' && isSoftware(found) && !device.software)
    throw unavailable(id, found.adapter ?? 'an adapter without a name', {
      reason: 'its only adapter computes on the CPU',
      expected: 'a GPU',
      nextSteps: ['Use the device "cpu", which is faster.', `To use it nevertheless, write "${SOFTWARE}".`],
    });
  return device;
}

function unavailable(
  id: string,
  received: string,
  { reason, expected, nextSteps }: Unavailability,
): RobleError {
  return new RobleError(
    'ROBLE_DEVICE_UNAVAILABLE',
    `The engine "onnx" cannot use the device "${id}" here: ${reason}.`,
    { received: received.trim().split('\n')[0], expected, nextSteps },
  );
}
