import type { GraphBuilder, Value } from './graph.js';
import type { Differentiable } from '../../plugins/onnx/lowerings/differentiable.js';

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
