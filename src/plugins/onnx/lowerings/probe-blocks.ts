import { GraphBuilder, type Value } from '../../../engine-kit/onnx/graph.js';
import { createSession } from '../../../engine-kit/onnx/runtime.js';
import { trialTensor } from './benchmark.js';
import { blockedConvolution } from './blocked.js';
import {
  affine,
  type Blocks,
  channelProducts,
  channelSums,
  positiveMarks,
  tileMaxima,
  tileMaximaGradient,
} from './blocked-maps.js';
import { Layouts } from './layouts.js';

/**
 * The block size of the runtime's blocked layout on this processor (16 with AVX-512, 8 with AVX2), found by comparing
 * what its operators give with the plain ones; 0 where none agrees.
 */
export async function probeBlockSize(): Promise<number> {
  for (const blockSize of [16, 8]) if (await agrees(blockSize)) return blockSize;
  return 0;
}

const BATCH = 2;
const CHANNELS = 32;
const SIDE = 7;
const POOLED = 3;
const SHAPE = [BATCH, CHANNELS, SIDE, SIDE] as const;

/** Sums of some hundreds of products of numbers up to one. */
const TOLERANCE = 1e-3;

/** Whether a block size gives the results of the plain operators. */
async function agrees(blockSize: number): Promise<boolean> {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', SHAPE);
  const weight = graph.input('weight', 'float32', [CHANNELS, CHANNELS, 3, 3]);
  const scale = graph.input('scale', 'float32', [CHANNELS]);
  const [plain, blocked] = [
    plainResults(graph, x, weight, scale),
    blockedResults(graph, blockSize, x, weight, scale),
  ];
  const difference = plain.map((value, i) =>
    graph.op('ReduceMax', [graph.op('Abs', [graph.op('Sub', [value, blocked[i]!])])], { keepdims: 0 }),
  );
  const worst = graph.op('Max', difference);
  graph.output(worst, 'worst', 'float32', []);
  try {
    const session = await createSession(graph.encode(), { threads: 1 });
    const outputs = await session.run({
      x: await trialTensor(SHAPE, 0.7),
      weight: await trialTensor([CHANNELS, CHANNELS, 3, 3], 0.3),
      scale: await trialTensor([CHANNELS], 0.9),
    });
    await session.release();
    return (outputs.worst!.data[0] as number) < TOLERANCE;
  } catch {
    // The operators are internal: a runtime without them refuses the graph, and the plain ones are used.
    return false;
  }
}

const CONVOLUTION = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] } as const;
/** With what depthwise convolutions and the gradients of their weights add: steps, and taps that lie apart. */
const DEPTHWISE = {
  kernel_shape: [3, 3],
  strides: [2, 1],
  dilations: [1, 2],
  pads: [1, 1, 1, 1],
} as const;
const POOLING = { kernel_shape: [2, 2], strides: [2, 2] } as const;

/** Convolutions, an affine map with an addition, sums, and a pooling with its gradient. */
function plainResults(graph: GraphBuilder, x: Value, weight: Value, scale: Value): Value[] {
  const convolved = graph.op('Conv', [x, weight], CONVOLUTION);
  const perChannel = graph.reshape(scale, [1, CHANNELS, 1, 1]);
  const mapped = graph.op('Add', [
    graph.op('Mul', [x, perChannel]),
    graph.op('Add', [convolved, perChannel]),
  ]);
  const output = graph.op('Relu', [mapped]);
  const pooled = graph.op('MaxPool', [output], POOLING);
  const spread = graph.op('Pad', [
    graph.op('Resize', [pooled, '', graph.tensor('scales', [4], () => Float32Array.of(1, 1, 2, 2))], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    }),
    graph.ints([0, 0, 0, 0, 0, 0, 1, 1]),
  ]);
  const isMaximum = graph.op('And', [
    graph.op('Equal', [output, spread]),
    graph.op('Greater', [output, graph.float(0)]),
  ]);
  return [
    convolved,
    graph.op('Conv', [x, firstOfEach(graph, weight)], { ...DEPTHWISE, group: CHANNELS }),
    output,
    pooled,
    graph.op('Mul', [spread, graph.op('Cast', [isMaximum], { to: 1 })]),
    graph.reduceSum(x, [0, 2, 3]),
    graph.reduceSum(graph.op('Mul', [x, convolved]), [0, 2, 3]),
    graph.op('Cast', [graph.op('Greater', [x, graph.float(0)])], { to: 1 }),
  ];
}

/** One kernel for each channel. */
const firstOfEach = (graph: GraphBuilder, weight: Value) => graph.slice(weight, [0], [1], [1]);

/** The same by the operators of the blocked layout. */
function blockedResults(
  graph: GraphBuilder,
  blockSize: number,
  x: Value,
  weight: Value,
  scale: Value,
): Value[] {
  const layouts = new Layouts(graph, blockSize);
  const shape = { inChannels: CHANNELS, outChannels: CHANNELS, attributes: CONVOLUTION };
  const convolved = blockedConvolution(layouts, x, [weight], shape);
  const pictures: Blocks = { value: layouts.blocked(x, CHANNELS), shape: SHAPE };
  const mapped = affine(layouts, pictures, { scale, sum: convolved, offset: scale, activation: 'Relu' });
  const output: Blocks = { value: mapped, shape: SHAPE };
  const tiling = { kernel: [2, 2], output: [POOLED, POOLED] } as const;
  const pooled = tileMaxima(layouts, output, tiling);
  const gradient = tileMaximaGradient(layouts, output, pooled, pooled, tiling, true);
  const plain = (value: Value) => layouts.plain(layouts.inBlocks(value, CHANNELS));
  const depthwise = { inChannels: CHANNELS, outChannels: CHANNELS, attributes: DEPTHWISE, depthwise: true };
  return [
    plain(convolved),
    layouts.plain(blockedConvolution(layouts, x, [firstOfEach(graph, weight)], depthwise)),
    plain(mapped),
    plain(pooled),
    plain(gradient),
    channelSums(layouts, pictures),
    channelProducts(layouts, pictures, convolved),
    plain(positiveMarks(layouts, pictures)),
  ];
}
