/**
 * The process of a probe: `probe-child.js PROVIDER`. It lets the devices of a provider compute a convolution, one after
 * another until one fails, compares each result with the CPU's, and sends a {@link ProbeReport}.
 */
import { GraphBuilder } from '../../../engine-kit/onnx/graph.js';
import { CPU, createSession, type GpuProvider, type OnnxDevice } from '../../../engine-kit/onnx/runtime.js';
import { trialTensor } from '../lowerings/benchmark.js';

const SHAPE = [1, 8, 6, 6] as const;
const KERNELS = [8, 8, 3, 3] as const;
/** Sums of 72 products of numbers up to 1, also where a GPU rounds the factors to 10 bits. */
const TOLERANCE = 0.05;
/** More than one machine holds. */
const MAX_DEVICES = 16;

const provider = process.argv[2] as GpuProvider;
const count = provider === 'cuda' ? MAX_DEVICES : 1;
process.send!(await firstDevices(provider, count), () => process.exit());

async function firstDevices(of: GpuProvider, most: number): Promise<ProbeReport> {
  const working: number[] = [];
  try {
    const expected = await compute(CPU);
    for (let index = 0; index < most; index++) {
      const actual = await compute({ id: of, provider: of, index, software: true });
      if (!actual.every((value, i) => Math.abs(value - expected[i]!) < TOLERANCE))
        throw new Error(`Device ${index} gives wrong results.`);
      working.push(index);
    }
    return { working, failure: `There is no device ${most}.` };
  } catch (error) {
    return { working, failure: error instanceof Error ? error.message : String(error) };
  }
}

async function compute(device: OnnxDevice): Promise<Float32Array> {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', SHAPE);
  const weight = graph.input('weight', 'float32', KERNELS);
  graph.output(
    graph.op('Conv', [x, weight], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    'y',
    'float32',
    SHAPE,
  );
  const session = await createSession(graph.encode(), { threads: 1, device });
  const { y } = await session.run({
    x: await trialTensor(SHAPE, 0.7),
    weight: await trialTensor(KERNELS, 0.3),
  });
  await session.release();
  return y!.data as Float32Array;
}

/** What the probe's process found; see probe-child.ts. */
export interface ProbeReport {
  /** The numbers of the devices that gave the right result. */
  readonly working: readonly number[];
  /** Why the next one did not. */
  readonly failure: string;
}
