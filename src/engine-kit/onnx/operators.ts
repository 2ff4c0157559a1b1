import type { ResolvedActivation, ResolvedConv } from '../../core/plugin/index.js';
import type { Attributes, GraphBuilder, Value } from './graph.js';

/** max(x, 0). */
function relu(graph: GraphBuilder, x: Value): Differentiable {
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
function gelu(graph: GraphBuilder, x: Value): Differentiable {
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
function silu(graph: GraphBuilder, x: Value): Differentiable {
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

/** 1 / (1 + exp(-x)). */
function sigmoid(graph: GraphBuilder, x: Value): Differentiable {
  const output = graph.op('Sigmoid', [x]);
  return {
    output,
    backward(gradient) {
      const rest = graph.op('Sub', [graph.float(1), output]);
      return graph.op('Mul', [gradient, graph.op('Mul', [output, rest])]);
    },
  };
}

/** min(max(x, 0), 6) (Howard et al. 2017). */
function relu6(graph: GraphBuilder, x: Value): Differentiable {
  const output = graph.op('Clip', [x, graph.float(0), graph.float(6)]);
  return { output, backward: (gradient) => graph.op('Mul', [gradient, between(graph, output, 0, 6)]) };
}

/** min(max(x / 6 + 1/2, 0), 1): a sigmoid of three straight lines (Howard et al. 2019). */
function hardSigmoid(graph: GraphBuilder, x: Value): Differentiable {
  const output = hardGate(graph, x);
  return {
    output,
    backward(gradient) {
      const slope = graph.op('Mul', [between(graph, output, 0, 1), graph.float(1 / 6)]);
      return graph.op('Mul', [gradient, slope]);
    },
  };
}

/** x * hardSigmoid(x) (Howard et al. 2019). */
function hardSwish(graph: GraphBuilder, x: Value): Differentiable {
  const gate = hardGate(graph, x);
  return {
    output: graph.op('Mul', [x, gate]),
    backward(gradient) {
      const sixth = graph.op('Mul', [x, graph.float(1 / 6)]);
      const slope = graph.op('Add', [gate, graph.op('Mul', [sixth, between(graph, gate, 0, 1)])]);
      return graph.op('Mul', [gradient, slope]);
    },
  };
}

function hardGate(graph: GraphBuilder, x: Value): Value {
  return graph.op('HardSigmoid', [x], { alpha: 1 / 6, beta: 0.5 });
}

/** 1 where a value lies between two others, 0 elsewhere. */
function between(graph: GraphBuilder, value: Value, low: number, high: number): Value {
  const inside = graph.op('And', [
    graph.op('Greater', [value, graph.float(low)]),
    graph.op('Less', [value, graph.float(high)]),
  ]);
  return graph.op('Cast', [inside], { to: 1 });
}

/** Each activation by the type of its layer. */
export const ACTIVATIONS: Readonly<
  Record<ResolvedActivation['type'], (graph: GraphBuilder, x: Value) => Differentiable>
> = { relu, gelu, silu, relu6, hardSwish, hardSigmoid, sigmoid };

/**
 * The output of a layer, and how to go back: from the gradient of the output to that of the input, storing those of
 * the layer's parameters on the way. `needInput` false saves the input's gradient; then the result is not used.
 */
export interface Differentiable {
  readonly output: Value;
  backward(gradient: Value, needInput: boolean): Value;
}

/** Of a convolution, as `Conv` and `ConvTranspose` take them. */
export function convAttributes({ window, groups }: ResolvedConv) {
  return {
    kernel_shape: window.kernel,
    strides: window.stride,
    pads: window.padding,
    ...(groups > 1 && { group: groups }),
  };
}

/**
 * x [N, C, H, W], weight [O, C / groups, kh, kw], bias [O] or none -> [N, O, H', W'], by the operator `Conv`.
 *
 * ONNX Runtime's WebGPU provider gives wrong sums for some numbers of channels, which are computed in another way; on every
 * device, since a trained model goes to others. Where C is a multiple of 3 but not of 4, beyond 3, and O one of 4
 * (github.com/microsoft/onnxruntime/issues/29651), channels of zeros are added up to the next multiple of 4. Groups that
 * share what it computes at once, see {@link sharesOutputs}, are convolved one by one.
 */
export function plainConvolution(
  graph: GraphBuilder,
  [x, weight, ...bias]: readonly [Value, Value, ...Value[]],
  channels: Channels,
  attributes: Attributes & { readonly group?: number },
): Value {
  const { into, out } = channels;
  const { group = 1, ...ofEach } = attributes;
  if (sharesOutputs(out, group)) {
    const each: Channels = { into: into / group, out: out / group };
    const part = (value: Value, axis: number, size: number, i: number) =>
      graph.slice(value, [i * size], [(i + 1) * size], [axis]);
    const parts = Array.from({ length: group }, (_, i) => {
      const parameters = [weight, ...bias].map((value) => part(value, 0, each.out, i)) as [Value, ...Value[]];
      return plainConvolution(graph, [part(x, 1, each.into, i), ...parameters], each, ofEach);
    });
    return graph.op('Concat', parts, { axis: 1 });
  }
  const isWrong = group === 1 && into > 3 && into % 3 === 0 && into % 4 !== 0 && out % 4 === 0;
  const widen = (value: Value) =>
    isWrong ? graph.op('Pad', [value, graph.ints([0, 0, 0, 0, 0, 4 - (into % 4), 0, 0])]) : value;
  return graph.op('Conv', [widen(x), widen(weight), ...bias], attributes);
}

interface Channels {
  readonly into: number;
  readonly out: number;
}

/**
 * Whether the WebGPU provider mixes groups of a convolution: from four outputs a group it computes four at once, or two,
 * as the number of all outputs allows, also where those of a group are no multiple of that.
 */
function sharesOutputs(out: number, groups: number): boolean {
  const atOnce = out % 4 === 0 ? 4 : out % 2 === 0 ? 2 : 1;
  return groups > 1 && out / groups > 4 && (out / groups) % atOnce !== 0;
}
