import {
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  onnxAttribute,
  tensorOf,
  valueInfo,
} from '../../src/core/model/onnx/format.js';

/** Small ONNX models as other programs write them, for tests. */
export function modelOf(
  graph: Partial<OnnxGraph>,
  metadata: Readonly<Record<string, string>> = {},
): OnnxModel {
  return {
    irVersion: 8,
    producerName: 'somebody',
    graph: { name: 'g', node: [], initializer: [], input: [], output: [], ...graph },
    opsetImport: [{ domain: '', version: 17 }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
}

export function node(
  opType: string,
  input: readonly string[],
  output: string,
  attribute: readonly OnnxAttribute[] = [],
): OnnxNode {
  return { input, output: [output], name: `${opType} of ${output}`, opType, attribute };
}

/** Float numbers that are all different. */
export function weights(name: string, dims: readonly number[]) {
  const count = dims.reduce((a, b) => a * b, 1);
  return tensorOf(
    name,
    'float32',
    dims,
    Float32Array.from({ length: count }, (_, i) => Math.sin(i + name.length)),
  );
}

/** Pictures [N, 3, 8, 8] -> convolution, ReLU, mean -> features [N, 4] -> a product -> probabilities [N, 5]. */
export function smallClassifier(metadata: Readonly<Record<string, string>> = {}): OnnxModel {
  return modelOf(
    {
      input: [valueInfo('images', 'float32', ['N', 3, 8, 8])],
      output: [valueInfo('probabilities', 'float32', ['N', 5])],
      initializer: [weights('kernels', [4, 3, 3, 3]), weights('matrix', [5, 4]), weights('offsets', [5])],
      node: [
        node('Conv', ['images', 'kernels'], 'c', [
          onnxAttribute('pads', [1, 1, 1, 1]),
          onnxAttribute('strides', [2, 2]),
        ]),
        node('Relu', ['c'], 'r'),
        node('GlobalAveragePool', ['r'], 'p'),
        node('Flatten', ['p'], 'features'),
        node('Gemm', ['features', 'matrix', 'offsets'], 'logits', [onnxAttribute('transB', 1)]),
        node('Softmax', ['logits'], 'probabilities', [onnxAttribute('axis', 1)]),
      ],
    },
    metadata,
  );
}
