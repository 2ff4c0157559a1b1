import type { Attributes, GraphBuilder, Value } from './graph.js';

/** max(x, 0). */
export function relu(graph: GraphBuilder, x: Value): Differentiable {
  const output = graph.op('Relu', [x]);
  return {
    output,
    backward(gradient) {
      // A product is computed with vectors on all threads, a choice by Where is not.
      const passes = graph.op('Cast', [graph.op('Greater', [output, graph.float(0)])], { to: 1 });
      return graph.op('Mul', [gradient, passes]);
    },
  };
}

/** x * Phi(x) with the exact normal distribution function (Hendrycks and Gimpel 2016). */
export function gelu(graph: GraphBuilder, x: Value): Differentiable {
  const erf = graph.op('Erf', [graph.op('Mul', [x, graph.float(Math.SQRT1_2)])]);
  const distribution = graph.op('Mul', [graph.op('Add', [erf, graph.float(1)]), graph.float(0.5)]);
  return {
    output: graph.op('Mul', [x, distribution]),
    backward(gradient) {
      const exponent = graph.op('Mul', [graph.op('Mul', [x, x]), graph.float(-0.5)]);
      const density = graph.op('Mul', [graph.op('Exp', [exponent]), graph.float(1 / Math.sqrt(2 * Math.PI))]);
      const slope = graph.op('Add', [distribution, graph.op('Mul', [x, density])]);
      return graph.op('Mul', [gradient, slope]);
    },
  };
}

/** x * sigmoid(x) (Elfwing, Uchibe and Doya 2017). */
export function silu(graph: GraphBuilder, x: Value): Differentiable {
  const sigmoid = graph.op('Sigmoid', [x]);
  const output = graph.op('Mul', [x, sigmoid]);
  return {
    output,
    backward(gradient) {
      const rest = graph.op('Sub', [graph.float(1), sigmoid]);
      const slope = graph.op('Add', [sigmoid, graph.op('Mul', [output, rest])]);
      return graph.op('Mul', [gradient, slope]);
    },
  };
}

/**
 * The output of a layer, and how to go back: from the gradient of the output to that of the input, storing those of
 * the layer's parameters on the way. `needInput` false saves the input's gradient; then the result is not used.
 */
export interface Differentiable {
  readonly output: Value;
  backward(gradient: Value, needInput: boolean): Value;
}

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
