import {
  encodeModel,
  type OnnxModel,
  type OnnxNode,
  onnxAttribute,
  valueInfo,
} from '../../core/model/onnx/format.js';
import { sizeOf } from '../../core/plugin/index.js';
import type { ValueRange } from './quantized-graph.js';
import { createSession, loadRuntime, runSession } from './runtime.js';

/** Images that go through the network at a time. */
const BATCH = 32;

/**
 * The least and the largest number that each of the values takes while a classifier answers pictures: the model is run with
 * them as further outputs. On one thread, since the last digits depend on their number.
 *
 * @param images uint8, [count, ...shape]
 * @param onBatch called with the pictures done so far; throws to end the work
 */
export async function rangesOf(
  model: OnnxModel,
  values: readonly string[],
  { images, shape }: { readonly images: Uint8Array; readonly shape: readonly number[] },
  onBatch: (done: number) => void,
): Promise<Map<string, ValueRange>> {
  const { Tensor } = await loadRuntime();
  const session = await createSession(withExtremes(model, values), { threads: 1 });
  const size = sizeOf(shape);
  const ranges = new Map<string, ValueRange>();
  try {
    for (let start = 0; start < images.length; start += BATCH * size) {
      const batch = images.slice(start, start + BATCH * size);
      const outputs = await runSession(session, {
        images: new Tensor('uint8', batch, [batch.length / size, ...shape]),
      });
      for (const value of values) {
        const [low, high] = [outputs[lowOf(value)]!, outputs[highOf(value)]!].map(({ data }) =>
          Number(data[0]),
        );
        const known = ranges.get(value) ?? { low: 0, high: 0 };
        ranges.set(value, { low: Math.min(known.low, low!), high: Math.max(known.high, high!) });
      }
      onBatch(start / size + batch.length / size);
    }
  } finally {
    await session.release();
  }
  return ranges;
}

const lowOf = (value: string) => `${value}_low`;
const highOf = (value: string) => `${value}_high`;

/** The model with the extremes of values as outputs, so that no activation has to leave the runtime. */
function withExtremes(model: OnnxModel, values: readonly string[]): Uint8Array {
  const extreme = (opType: string, value: string, name: string): OnnxNode => ({
    ...{ opType, input: [value], output: [name], name, domain: '' },
    attribute: [onnxAttribute('keepdims', 0)],
  });
  const { graph } = model;
  return encodeModel({
    ...model,
    graph: {
      ...graph,
      node: [
        ...graph.node,
        ...values.flatMap((value) => [
          extreme('ReduceMin', value, lowOf(value)),
          extreme('ReduceMax', value, highOf(value)),
        ]),
      ],
      output: [
        ...graph.output,
        ...values.flatMap((value) =>
          [lowOf(value), highOf(value)].map((name) => valueInfo(name, 'float32', [])),
        ),
      ],
    },
  });
}
