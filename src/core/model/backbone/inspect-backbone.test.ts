import { describe, expect, it } from 'vitest';
import { modelOf, node, smallClassifier, weights } from '../../../../test/support/onnx-files.js';
import { createSession, loadRuntime } from '../../../engine-kit/onnx/runtime.js';
import { cutModel } from '../onnx/cut-model.js';
import { encodeModel, type OnnxGraph, onnxAttribute, tensorOf, valueInfo } from '../onnx/format.js';
import { type BackboneOverrides, inspectBackbone, usableBackbone } from './inspect-backbone.js';

const inspect = (graph: Partial<OnnxGraph>, overrides: BackboneOverrides = {}, metadata = {}) =>
  inspectBackbone(encodeModel(modelOf(graph, metadata)), overrides);

const PICTURES = valueInfo('x', 'float32', ['N', 3, 8, 8]);
const floats = (name: string, dims: readonly number[], ...values: number[]) =>
  tensorOf(name, 'float32', dims, Float32Array.from(values));
/** A graph that gives the mean of each channel after the nodes. */
const averaged = (
  nodes: OnnxGraph['node'],
  last: string,
  graph: Partial<OnnxGraph> = {},
): Partial<OnnxGraph> => ({
  input: [PICTURES],
  output: [valueInfo('y', 'float32', ['N', 3])],
  ...graph,
  node: [
    ...nodes,
    node('ReduceMean', [last], 'y', [onnxAttribute('axes', [2, 3]), onnxAttribute('keepdims', 0)]),
  ],
});

describe('inspectBackbone', () => {
  it('takes of a classifier the vector that its last product takes', () => {
    const found = inspectBackbone(encodeModel(smallClassifier()), { normalization: 'imagenet' });
    expect(found).toMatchObject({
      producer: 'somebody',
      opset: 17,
      parameters: 4 * 27 + 20 + 5,
      input: {
        name: 'images',
        layout: 'NCHW',
        height: 8,
        width: 8,
        channels: 3,
        dynamic: { batch: true, height: false, width: false },
      },
      normalization: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225], from: 'asked' },
      features: { name: 'features', size: 4, from: 'what the classifier takes', isMap: false },
      problems: [],
    });
    expect(found.outputs[0]!.computed).toEqual([2, 5]);
  });

  it.each([
    ['features', { name: 'features', size: 4, isMap: false }],
    ['r', { name: 'r', size: 4, shape: [4, 4, 4], isMap: true }],
    ['probabilities', { name: 'probabilities', size: 5 }],
  ])('takes the value %s when asked for it', (output, features) => {
    expect(inspectBackbone(encodeModel(smallClassifier()), { output }).features).toMatchObject({
      ...features,
      from: 'as asked',
    });
  });

  it('infers the shapes that the runtime computes', async () => {
    const { Tensor } = await loadRuntime();
    const bytes = encodeModel(smallClassifier());
    const session = await createSession(bytes, { threads: 1 });
    const outputs = await session.run({
      images: new Tensor('float32', new Float32Array(2 * 3 * 64), [2, 3, 8, 8]),
    });
    expect(inspectBackbone(bytes).outputs[0]!.computed).toEqual(outputs.probabilities!.dims);
    await session.release();
  });

  it('cuts a classifier at its features, to the numbers that it had there', async () => {
    const { Tensor } = await loadRuntime();
    const whole = smallClassifier();
    const cut = cutModel(whole, 'features');
    expect(cut.graph.initializer.map(({ name }) => name)).toEqual(['kernels']);
    const session = await createSession(encodeModel(cut), { threads: 1 });
    const seen = {
      ...whole,
      graph: { ...whole.graph, output: [valueInfo('features', 'float32', ['N', 4])] },
    };
    const all = await createSession(encodeModel(seen), { threads: 1 });
    const images = new Tensor(
      'float32',
      Float32Array.from({ length: 2 * 192 }, (_, i) => Math.sin(i)),
      [2, 3, 8, 8],
    );
    const [expected, got] = [await all.run({ images }), await session.run({ images })];
    expect(Object.keys(got)).toEqual(['features']);
    expect(got.features!.dims).toEqual([2, 4]);
    expect(got.features!.data).toEqual(expected.features!.data);
    await Promise.all([session.release(), all.release()]);
  });

  it('follows shapes that are computed in the graph, as PyTorch writes a view', () => {
    const int = (name: string, ...values: number[]) =>
      tensorOf(name, 'int64', values.length === 1 ? [] : [values.length], BigInt64Array.from(values, BigInt));
    const { features } = inspect({
      input: [PICTURES],
      output: [valueInfo('y', 'float32', ['a', 'b'])],
      initializer: [int('zero', 0), int('rest', -1), tensorOf('axes', 'int64', [1], BigInt64Array.of(0n))],
      node: [
        node('Shape', ['x'], 'sides'),
        node('Gather', ['sides', 'zero'], 'batch', [onnxAttribute('axis', 0)]),
        node('Unsqueeze', ['batch', 'axes'], 'first'),
        node('Unsqueeze', ['rest', 'axes'], 'second'),
        node('Concat', ['first', 'second'], 'shape', [onnxAttribute('axis', 0)]),
        node('Reshape', ['x', 'shape'], 'y'),
      ],
    });
    expect(features).toMatchObject({ name: 'y', size: 192 });
  });

  it.each<[string, Partial<OnnxGraph>, Record<string, string>, string, number[], number[]]>([
    [
      'values of 0..255 that the graph divides by 255',
      averaged([node('Div', ['x', 'c'], 'd')], 'd', { initializer: [floats('c', [], 255)] }),
      {},
      'graph',
      [0, 0, 0],
      [1 / 255, 1 / 255, 1 / 255],
    ],
    [
      'values of 0..1 from which the graph takes the mean of ImageNet',
      averaged([node('Sub', ['x', 'm'], 's'), node('Div', ['s', 'd'], 'n')], 'n', {
        initializer: [
          floats('m', [1, 3, 1, 1], 0.485, 0.456, 0.406),
          floats('d', [3, 1, 1], 0.229, 0.224, 0.225),
        ],
      }),
      {},
      'graph',
      [0, 0, 0],
      [1, 1, 1],
    ],
    [
      'what the metadata says in words of Windows ML',
      averaged([], 'x'),
      { 'Image.NominalPixelRange': 'Normalized_1_1' },
      'metadata',
      [0.5, 0.5, 0.5],
      [0.5, 0.5, 0.5],
    ],
    [
      'what the metadata says in numbers',
      averaged([], 'x'),
      { mean: '[0.1, 0.2, 0.3]', std: '0.4' },
      'metadata',
      [0.1, 0.2, 0.3],
      [0.4, 0.4, 0.4],
    ],
  ])('finds the normalization: %s', (_, graph, metadata, from, mean, deviation) => {
    expect(inspect(graph, {}, metadata).normalization).toEqual({ mean, deviation, from });
  });

  it.each<[string, readonly (number | string)[], OnnxGraph['node'], object]>([
    ['by its sides', ['N', 8, 8, 3], [], { layout: 'NHWC', height: 8, width: 8, channels: 3 }],
    [
      'by a transposition, where the sides do not say it',
      ['N', 3, 'w', 3],
      [node('Transpose', ['x'], 't', [onnxAttribute('perm', [0, 3, 1, 2])])],
      {
        layout: 'NHWC',
        height: 3,
        width: 224,
        channels: 3,
        dynamic: { batch: true, height: false, width: true },
      },
    ],
    [
      'by the first convolution',
      ['N', 'c', 'h', 'w'],
      [node('Conv', ['x', 'k'], 't')],
      {
        layout: 'NCHW',
        height: 224,
        width: 224,
        channels: 3,
        dynamic: { batch: true, height: true, width: true },
      },
    ],
    ['with a batch that is fixed', [4, 3, 8, 8], [], { batch: 4, dynamic: { batch: false } }],
  ])('finds the order of the input %s', (_, shape, nodes, expected) => {
    const graph = averaged(nodes, nodes.length > 0 ? 't' : 'x', {
      input: [valueInfo('x', 'float32', shape)],
      initializer: [weights('k', [3, 3, 3, 3])],
    });
    expect(inspect(graph).input).toMatchObject(expected);
  });

  it.each<[string, Partial<OnnxGraph>, string, RegExp]>([
    [
      'no input',
      averaged([], 'c', { input: [], initializer: [weights('c', [1, 3, 2, 2])] }),
      'input',
      /no input/,
    ],
    [
      'two inputs',
      averaged([], 'x', { input: [PICTURES, valueInfo('mask', 'float32', ['N'])] }),
      'input',
      /2 inputs: x \(float32 \[N, 3, 8, 8\]\), mask/,
    ],
    [
      'an input of texts or the like',
      averaged([], 'x', { input: [valueInfo('x', 'int64', ['N', 5])] }),
      'input',
      /int64/,
    ],
    [
      'two outputs',
      averaged([], 'x', {
        output: [valueInfo('y', 'float32', ['N', 3]), valueInfo('y', 'float32', ['N', 3])],
      }),
      'features',
      /2 outputs.*y \(float32 \[N, 3\]\)/,
    ],
    [
      'a row of vectors',
      {
        input: [PICTURES],
        output: [valueInfo('y', 'float32', ['N', 3, 64])],
        initializer: [tensorOf('s', 'int64', [3], BigInt64Array.of(0n, 3n, 64n))],
        node: [node('Reshape', ['x', 's'], 'y')],
      },
      'features',
      /sides \[2, 3, 64\]/,
    ],
    ['no word of the values', averaged([], 'x'), 'normalization', /how the values/],
  ])('says what has to be said of a file with %s', (_, graph, path, message) => {
    const { problems } = inspect(graph);
    expect(problems.find((problem) => problem.path === path)?.message).toMatch(message);
    expect(() => usableBackbone(inspect(graph), 'file.onnx')).toThrow(
      expect.objectContaining({ code: 'ROBLE_BACKBONE_INVALID' }),
    );
  });

  it('refuses what contradicts the file', () => {
    const bytes = encodeModel(smallClassifier());
    expect(() => inspectBackbone(bytes, { height: 9 })).toThrow(/one height only/);
    expect(() => inspectBackbone(bytes, { normalization: { mean: [0, 0], deviation: [1, 1] } })).toThrow(
      /do not fit the network/,
    );
    expect(inspectBackbone(bytes, { output: 'nothing' }).problems).toContainEqual(
      expect.objectContaining({
        path: 'features',
        message: expect.stringMatching(/No node gives a value "nothing"/),
      }),
    );
  });

  it('does not stumble over operators that are named like parts of objects', () => {
    const named = averaged([node('constructor', ['x'], 'a'), node('__proto__', ['a'], 'b')], 'b');
    expect(inspect(named).features).toMatchObject({ name: 'y', size: 3 });
  });
});
