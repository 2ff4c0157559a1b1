import type { Attributes, GraphBuilder, Value } from './graph.js';

/**
 * x [N, C, H, W], weight [O, C, kh, kw], bias [O] or none -> [N, O, H', W'], by the operator `Conv`.
 *
 * ONNX Runtime's WebGPU provider gives wrong sums where C is a multiple of 3 but not of 4, beyond 3, and O one of 4
 * (github.com/microsoft/onnxruntime/issues/29651): there channels of zeros are added up to the next multiple of 4. On
 * every device, since a trained model goes to others.
 */
export function plainConvolution(
  graph: GraphBuilder,
  [x, weight, ...bias]: readonly [Value, Value, ...Value[]],
  channels: { readonly into: number; readonly out: number },
  attributes: Attributes,
): Value {
  const { into, out } = channels;
  const isWrong = into > 3 && into % 3 === 0 && into % 4 !== 0 && out % 4 === 0;
  const widen = (value: Value) =>
    isWrong ? graph.op('Pad', [value, graph.ints([0, 0, 0, 0, 0, 4 - (into % 4), 0, 0])]) : value;
  return graph.op('Conv', [widen(x), widen(weight), ...bias], attributes);
}
