import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelOf, node, weights as numbers } from '../../../../test/support/onnx-files.js';
import { buildInferenceGraph } from '../../../engine-kit/onnx/inference-graph.js';
import { createSession, loadRuntime } from '../../../engine-kit/onnx/runtime.js';
import { everyLayer, resolveNetwork } from '../network.js';
import { cutModel } from '../onnx/cut-model.js';
import {
  encodeModel,
  type OnnxAttribute,
  onnxAttribute,
  readModel,
  tensorOf,
  valueInfo,
} from '../onnx/format.js';
import { inspectBackbone, type UsableBackbone, usableBackbone } from './inspect-backbone.js';
import type { NormalizationChoice } from './normalization.js';
import { type ReadLayers, readLayers } from './read-layers.js';

const FOLDER = new URL('../../../../test/fixtures/backbones/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.onnx'));

const described = (bytes: Uint8Array, normalization: NormalizationChoice = 'imagenet') =>
  usableBackbone(inspectBackbone(bytes, { normalization }), 'file');

/** Two pictures, uint8 [2, height, width, channels]. */
const picturesFor = ({ height, width, channels }: ReadLayers['input']) =>
  Uint8Array.from(
    { length: 2 * height * width * channels },
    (_, i) => (Math.imul(i + 1, 2654435761) >>> 24) ^ (i & 63),
  );

/** The features by the file itself, of pictures that are normalized and put in order here. */
async function featuresByFile(bytes: Uint8Array, { input, features, normalization }: UsableBackbone) {
  const { height, width, channels, layout } = input;
  const pixels = height * width;
  const pictures = picturesFor(input);
  const values = new Float32Array(pictures.length);
  for (const [i, value] of pictures.entries()) {
    const [channel, pixel] = [i % channels, Math.floor(i / channels)];
    const [picture, place] = [Math.floor(pixel / pixels), pixel % pixels];
    values[layout === 'NHWC' ? i : (picture * channels + channel) * pixels + place] =
      (value / 255 - normalization.mean[channel]!) / normalization.deviation[channel]!;
  }
  const sides = layout === 'NHWC' ? [2, height, width, channels] : [2, channels, height, width];
  const { Tensor } = await loadRuntime();
  return run(encodeModel(cutModel(readModel(bytes), features.name)), {
    [input.name]: new Tensor('float32', values, sides),
  });
}

/** The features by the layers, as a bundle computes them: those that a head of the identity takes. */
async function featuresByLayers({ input, layers, weights }: ReadLayers, size: number, fold: boolean) {
  const head = { type: 'dense' as const, name: 'head', units: 'classes' as const, bias: false };
  const network = resolveNetwork({ input, classes: size, layers: [...layers, head] });
  const identity = Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
  const tensors = { ...weights, 'head.weight': { shape: [size, size], data: identity } };
  const model = readModel(buildInferenceGraph(network, tensors, { fold }));
  const [logits] = model.graph.node.find(({ opType }) => opType === 'Softmax')!.input;
  const { Tensor } = await loadRuntime();
  const images = new Tensor('uint8', picturesFor(input), [2, input.height, input.width, input.channels]);
  return run(encodeModel(cutModel(model, logits!)), { images });
}

async function run(bytes: Uint8Array, feeds: Record<string, never> | object): Promise<Float32Array> {
  const session = await createSession(bytes, { threads: 1 });
  const outputs = await session.run(feeds as never);
  await session.release();
  return Object.values(outputs)[0]!.data as Float32Array;
}

/** By how much of the largest number any number differs. */
function difference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  const largest = a.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  return a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i]!)), 0) / largest;
}

describe('readLayers', () => {
  const X = valueInfo('x', 'float32', ['N', 3, 9, 9]);
  const ints = (name: string, ...values: number[]) =>
    tensorOf(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));
  const floats = (name: string, dims: readonly number[], ...values: number[]) =>
    tensorOf(name, 'float32', dims, Float32Array.from(values));
  const conv = (from: string, to: string, attributes: readonly OnnxAttribute[] = []) =>
    node('Conv', [from, 'k'], to, attributes);
  it.each(FILES)('computes with the layers of %s what ONNX Runtime computes with the file', async (name) => {
    const bytes = readFileSync(new URL(name, FOLDER));
    const description = described(bytes);
    const read = readLayers(bytes, description);
    const expected = await featuresByFile(bytes, description);
    // Sums of float32 in another order: batch norms are folded by one of them, pictures normalized by a convolution.
    for (const fold of [true, false])
      expect(
        difference(expected, await featuresByLayers(read, description.features.size!, fold)),
      ).toBeLessThan(1e-5);
    expect(read.fixed).toEqual(['normalize']);
  });

  it('answers damage with a coded error or with layers', () => {
    const whole = readFileSync(new URL('mobilenet-v3-folded.onnx', FOLDER));
    const description = described(whole);
    let readable = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const damaged = Uint8Array.from(whole);
          for (const [at, value] of changes) damaged[at] = value;
          try {
            readLayers(damaged, description);
            readable += 1;
          } catch (error) {
            expect(error).toMatchObject({ code: expect.stringMatching(/^ROBLE_(ONNX|BACKBONE)_INVALID$/) });
          }
        },
      ),
      { numRuns: 1000 },
    );
    expect(readable).toBeGreaterThan(0);
    expect(readable).toBeLessThan(1000);
  });

  it.each<[string, number]>([
    ['filters', 0],
    ['strides', 0],
    ['strides', -1],
    ['pads', -1],
    ['group', 0],
    ['group', 2],
  ])('refuses a convolution whose %s are %i', (name, value) => {
    const attribute = onnxAttribute(
      name,
      name === 'group' ? value : Array<number>(name === 'pads' ? 4 : 2).fill(value),
    );
    const kernels = numbers('k', [name === 'filters' ? 0 : 4, 3, 3, 3]);
    const bytes = encodeModel(
      modelOf({
        input: [X],
        output: [valueInfo('z', 'float32', ['N', 4, 'h', 'w'])],
        initializer: [kernels],
        node: [conv('x', 'z', [attribute])],
      }),
    );
    const { input } = inspectBackbone(bytes);
    const features = { name: 'z', from: 'as asked', size: 4, shape: undefined, isMap: true } as const;
    expect(() => readLayers(bytes, { input: input!, features })).toThrow(
      expect.objectContaining({ code: 'ROBLE_BACKBONE_INVALID' }),
    );
  });

  it('finds the kinds of layers that the blocks have', () => {
    const kindsOf = (name: string) => {
      const bytes = readFileSync(new URL(name, FOLDER));
      const { input, layers } = readLayers(bytes, described(bytes));
      const head = { type: 'dense' as const, units: 'classes' as const, bias: true };
      const { layers: resolved } = resolveNetwork({ input, classes: 2, layers: [...layers, head] });
      return new Set([...everyLayer(resolved)].map(({ type }) => type));
    };
    for (const form of ['folded', 'dynamo']) {
      expect(kindsOf(`resnet-${form}.onnx`)).toEqual(
        new Set(['conv', 'relu', 'maxPool', 'residual', 'globalAveragePool', 'dense']),
      );
      expect([...kindsOf(`mobilenet-v2-${form}.onnx`)]).toContain('relu6');
      expect([...kindsOf(`mobilenet-v3-${form}.onnx`)]).toEqual(
        expect.arrayContaining(['hardSwish', 'hardSigmoid', 'squeezeExcite']),
      );
      expect([...kindsOf(`efficientnet-${form}.onnx`)]).toEqual(
        expect.arrayContaining(['silu', 'sigmoid', 'squeezeExcite']),
      );
    }
    expect([...kindsOf('resnet-norms.onnx')]).toContain('batchNorm');
  });

  const end = [node('GlobalAveragePool', ['z'], 'p'), node('Flatten', ['p'], 'y')];
  const file = (nodes: readonly ReturnType<typeof node>[], input = X) =>
    encodeModel(
      modelOf({
        input: [input],
        output: [valueInfo('y', 'float32', ['N', 4])],
        initializer: [
          numbers('k', [4, 3, 3, 3]),
          numbers('k4', [4, 4, 3, 3]),
          ints('pads', 0, 0, 1, 0, 0, 0, 2, 1),
          ints('wide', 2, 2),
          tensorOf('third', 'int64', [], BigInt64Array.of(2n)),
          ints('first', 0),
          floats('two', [], 2),
          floats('zero', [], 0),
          floats('six', [], 6),
          floats('five', [], 5),
          floats('half', [1, 3, 1, 1], 0.5, 0.4, 0.3),
        ],
        node: nodes,
      }),
    );

  it.each<[string, Uint8Array]>([
    [
      'padding by a node of its own, as TensorFlow and timm write it',
      file([node('Pad', ['x', 'pads'], 'a'), conv('a', 'z', [onnxAttribute('strides', [2, 2])]), ...end]),
    ],
    [
      'padding that is computed from the sides of the picture, as timm writes it',
      file([
        node('Shape', ['x'], 'sides'),
        node('Gather', ['sides', 'third'], 'side', [onnxAttribute('axis', 0)]),
        node('Cast', ['side'], 'float', [onnxAttribute('to', 1)]),
        node('Div', ['float', 'two'], 'halves'),
        // 9 / 2, rounded up, less 6, and 2 more: a row above, and columns at both sides.
        node('Ceil', ['halves'], 'steps'),
        node('Sub', ['steps', 'six'], 'less'),
        node('Add', ['less', 'two'], 'sum'),
        node('Clip', ['sum', 'zero'], 'padding'),
        node('Cast', ['padding'], 'whole', [onnxAttribute('to', 7)]),
        node('Unsqueeze', ['whole', 'first'], 'one'),
        node('Concat', ['first', 'first', 'one', 'one', 'first', 'first', 'first', 'one'], 'pads of x', [
          onnxAttribute('axis', 0),
        ]),
        node('Pad', ['x', 'pads of x'], 'a'),
        conv('a', 'z'),
        ...end,
      ]),
    ],
    ['padding by words', file([conv('x', 'z', [onnxAttribute('auto_pad', 'SAME_UPPER')]), ...end])],
    [
      'windows that are not whole',
      file([
        conv('x', 'a'),
        node('MaxPool', ['a'], 'b', [
          onnxAttribute('kernel_shape', [3, 3]),
          onnxAttribute('strides', [2, 2]),
          onnxAttribute('ceil_mode', 1),
        ]),
        node('AveragePool', ['b'], 'z', [
          onnxAttribute('kernel_shape', [2, 2]),
          onnxAttribute('strides', [2, 2]),
          onnxAttribute('ceil_mode', 1),
        ]),
        ...end,
      ]),
    ],
    ['bounds of 0 and 6', file([conv('x', 'a'), node('Clip', ['a', 'zero', 'six'], 'z'), ...end])],
    [
      'a normalization of its own, before a padded convolution',
      file([node('Sub', ['x', 'half'], 'a'), conv('a', 'z', [onnxAttribute('pads', [1, 1, 1, 1])]), ...end]),
    ],
    [
      'pictures in the order height, width, channels',
      file(
        [node('Transpose', ['x'], 'a', [onnxAttribute('perm', [0, 3, 1, 2])]), conv('a', 'z'), ...end],
        valueInfo('x', 'float32', ['N', 9, 8, 3]),
      ),
    ],
    [
      'a shortcut that is longer than nothing, and a product with itself by a gate',
      file([
        conv('x', 'a'),
        node('Conv', ['a', 'k4'], 'b', [onnxAttribute('pads', [1, 1, 1, 1])]),
        node('Sigmoid', ['b'], 's'),
        node('Mul', ['s', 'b'], 'c'),
        node('Conv', ['c', 'k4'], 'd', [onnxAttribute('pads', [1, 1, 1, 1])]),
        node('Conv', ['a', 'k4'], 'e', [onnxAttribute('pads', [1, 1, 1, 1])]),
        node('Add', ['e', 'd'], 'z'),
        ...end,
      ]),
    ],
  ])('reads %s', async (_, bytes) => {
    const description = described(bytes, { mean: [0.4, 0.5, 0.6], deviation: [0.3, 0.2, 0.1] });
    const read = readLayers(bytes, description);
    const expected = await featuresByFile(bytes, description);
    expect(difference(expected, await featuresByLayers(read, 4, true))).toBeLessThan(1e-5);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an operator', file([conv('x', 'a'), node('Elu', ['a'], 'z'), ...end]), /"Elu of z" \(Elu\)/],
    [
      'gaps',
      file([conv('x', 'z', [onnxAttribute('dilations', [2, 2])]), ...end]),
      /"Conv of z" \(Conv\): its windows/,
    ],
    ['bounds', file([conv('x', 'a'), node('Clip', ['a', 'zero', 'five'], 'z'), ...end]), /at 0 and 5/],
    [
      'branches',
      file([
        conv('x', 'a'),
        node('Relu', ['a'], 'b'),
        node('Concat', ['a', 'b'], 'z', [onnxAttribute('axis', 1)]),
        ...end,
      ]),
      /"Concat of z" \(Concat\)/,
    ],
    [
      'a sum of a value with itself',
      file([conv('x', 'a'), node('Add', ['a', 'a'], 'z'), ...end]),
      /adds a value to itself/,
    ],
  ])('names the node that it has no layer for: %s', (_, bytes, message) => {
    expect(() => readLayers(bytes, described(bytes))).toThrow(
      expect.objectContaining({ code: 'ROBLE_BACKBONE_INVALID', message: expect.stringMatching(message) }),
    );
  });
});
