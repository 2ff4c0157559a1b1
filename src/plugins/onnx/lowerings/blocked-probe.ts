import { GraphBuilder, type Value } from '../../../engine-kit/onnx/graph.js';
import { createSession } from '../../../engine-kit/onnx/runtime.js';
import { wave } from './benchmark.js';
import { blockedConvolution } from './blocked.js';

const CHANNELS = 32;
const SIDE = 6;

/**
 * The block size of the runtime's blocked convolution on this processor (16 with AVX-512, 8 with AVX2), found by
 * comparing its result with the plain operator's; 0 where none agrees.
 */
export async function probeBlockSize(): Promise<number> {
  for (const blockSize of [16, 8]) if (await agrees(blockSize)) return blockSize;
  return 0;
}

async function agrees(blockSize: number): Promise<boolean> {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [1, CHANNELS, SIDE, SIDE]);
  const weight = graph.input('weight', 'float32', [CHANNELS, CHANNELS, 3, 3]);
  const attributes = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] } as const;
  const results: Value[] = [
    graph.op('Conv', [x, weight], attributes),
    blockedConvolution(graph, x, weight, {
      inChannels: CHANNELS,
      outChannels: CHANNELS,
      attributes,
      blockSize,
    }),
  ];
  for (const [i, value] of results.entries())
    graph.output(value, `y${i}`, 'float32', [1, CHANNELS, SIDE, SIDE]);
  try {
    const session = await createSession(graph.encode(), { threads: 1 });
    const { y0, y1 } = await session.run({
      x: await wave([1, CHANNELS, SIDE, SIDE], 0.7),
      weight: await wave([CHANNELS, CHANNELS, 3, 3], 0.3),
    });
    await session.release();
    const [plain, blocked] = [y0!.data as Float32Array, y1!.data as Float32Array];
    return plain.every((value, i) => Math.abs(value - blocked[i]!) < 1e-3);
  } catch {
    // The operators are internal: a runtime without them refuses the graph, and the plain ones are used.
    return false;
  }
}
