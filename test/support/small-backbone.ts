import { writeFile } from 'node:fs/promises';
import { Random } from '../../src/core/base/random.js';
import { GraphBuilder, type Value } from '../../src/engine-kit/onnx/graph.js';

export interface SmallBackbone {
  readonly layout?: 'NCHW' | 'NHWC';
  readonly channels?: 1 | 3;
  /** 3x3 convolutions of 32 filters, one behind the other. */
  readonly depth?: number;
  /** What it gives: a vector, or a map, as before the pooling. */
  readonly output?: 'vector' | 'map';
  /** Pictures at a time; by default any number. */
  readonly batch?: number;
  readonly seed?: number;
}

const FILTERS = 32;

/** Writes a network of random weights that gives 32 features of pictures of 12x12, its input called `x`. */
export async function writeSmallBackbone(file: string, options: SmallBackbone = {}): Promise<string> {
  const { layout = 'NCHW', channels = 3, depth = 2, output = 'vector', batch = 'N', seed = 1 } = options;
  const random = new Random(seed, 'synthesize');
  const graph = new GraphBuilder();
  const sides = layout === 'NCHW' ? [batch, channels, 12, 12] : [batch, 12, 12, channels];
  const input = graph.input('x', 'float32', sides);
  let value: Value = layout === 'NCHW' ? input : graph.transpose(input, [0, 3, 1, 2]);
  for (let i = 0; i < depth; i++) {
    const into = i === 0 ? channels : FILTERS;
    const scale = Math.sqrt(2 / (9 * into));
    const weights = Float32Array.from({ length: FILTERS * into * 9 }, () => scale * random.normal());
    const kernels = graph.tensor(`weights${i}`, [FILTERS, into, 3, 3], () => weights);
    value = graph.op('Relu', [
      graph.op('Conv', [value, kernels], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    ]);
  }
  if (output === 'map') graph.output(value, 'features', 'float32', [batch, FILTERS, 12, 12]);
  else
    graph.output(
      graph.op('Flatten', [graph.op('GlobalAveragePool', [value])], { axis: 1 }),
      'features',
      'float32',
      [batch, FILTERS],
    );
  await writeFile(file, graph.encode());
  return file;
}
