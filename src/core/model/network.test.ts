import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RobleError } from '../base/errors.js';
import { everyLayer, formatShape, parametersOf, resolveNetwork, sizeOf } from './network.js';
import { layerSchema, type ModelSpec } from './spec.js';

type Input = Parameters<typeof layerSchema.parse>[0];

const modelOf = (
  layers: readonly Input[],
  input = { height: 28, width: 28, channels: 1 },
  classes = 10,
): ModelSpec => ({
  input,
  classes,
  layers: layers.map((layer) => layerSchema.parse(layer)),
});
const head: Input[] = [{ type: 'flatten' }, { type: 'dense', units: 'classes' }];
const resolve = (layers: readonly Input[], input?: ModelSpec['input']) =>
  resolveNetwork(modelOf([...layers, ...head], input));

function failureOf(spec: ModelSpec): RobleError {
  try {
    resolveNetwork(spec);
  } catch (error) {
    if (error instanceof RobleError) return error;
  }
  throw new Error('expected a RobleError');
}

describe('shapes', () => {
  it('follow the layers, channels first', () => {
    const layers: Input[] = [
      { type: 'conv', filters: 8, kernel: [3, 5], padding: 'valid' },
      { type: 'batchNorm' },
      { type: 'maxPool' },
      { type: 'conv', filters: 16, stride: [2, 1] },
      { type: 'averagePool', size: 3, stride: 2, padding: 'same' },
      { type: 'dropout', rate: 0.5 },
      { type: 'globalMaxPool' },
      { type: 'dense', units: 5 },
    ];
    const network = resolve(layers, { height: 20, width: 33, channels: 3 });
    expect(network.layers.map(({ output }) => formatShape(output))).toEqual([
      '18x29x8',
      '18x29x8',
      '9x14x8',
      '5x14x16',
      '3x7x16',
      '3x7x16',
      '16',
      '5',
      '5',
      '10',
    ]);
  });

  it('of windows count the positions where the window fits, or with "same" the input over the stride', () => {
    const side = fc.integer({ min: 1, max: 20 });
    const small = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(
        side,
        side,
        small,
        small,
        fc.constantFrom('same' as const, 'valid' as const),
        (height, width, kernel, stride, padding) => {
          fc.pre(padding === 'same' || kernel <= Math.min(height, width));
          const [layer] = resolve([{ type: 'conv', filters: 2, kernel, stride, padding }], {
            height,
            width,
            channels: 1,
          }).layers;
          if (layer?.type !== 'conv') throw new Error('unreachable');
          const positions = (length: number) =>
            padding === 'same'
              ? Math.ceil(length / stride)
              : Array.from({ length }, (_, start) => start).filter(
                  (start) => start % stride === 0 && start + kernel <= length,
                ).length;
          expect(layer.output).toEqual([2, positions(height), positions(width)]);
          const [top, left, bottom, right] = layer.window.padding;
          // The odd row or column comes at the end.
          expect([0, 1]).toContain(bottom - top);
          expect([0, 1]).toContain(right - left);
        },
      ),
      { seed: 20 },
    );
  });
});

describe('names and parameters', () => {
  it('are the type and its number, or what the layer says, with the block before it', () => {
    const network = resolve([
      { type: 'conv', filters: 4 },
      { type: 'conv', filters: 4, name: 'second' },
      {
        type: 'residual',
        layers: [
          { type: 'conv', filters: 8, stride: 2, bias: false },
          { type: 'residual', layers: [{ type: 'relu' }] },
        ],
      },
      { type: 'conv', filters: 4, kernel: 1 },
    ]);
    expect([...everyLayer(network.layers)].map(({ name }) => name)).toEqual([
      'conv1',
      'second',
      'residual1',
      'residual1.conv1',
      'residual1.residual1',
      'residual1.residual1.relu1',
      'residual1.projection',
      'residual1.projectionNorm',
      'conv3',
      'flatten1',
      'dense1',
    ]);
    expect(parametersOf(network).map(({ name, shape }) => `${name} ${shape.join('x')}`)).toEqual([
      'conv1.weight 4x1x3x3',
      'conv1.bias 4',
      'second.weight 4x4x3x3',
      'second.bias 4',
      'residual1.conv1.weight 8x4x3x3',
      'residual1.projection.weight 8x4x1x1',
      'residual1.projectionNorm.scale 8',
      'residual1.projectionNorm.bias 8',
      'residual1.projectionNorm.mean 8',
      'residual1.projectionNorm.variance 8',
      'conv3.weight 4x8x1x1',
      'conv3.bias 4',
      'dense1.weight 784x10',
      'dense1.bias 10',
    ]);
  });

  it('go into squeeze-and-excite, and into a shortcut of a block of its own', () => {
    const network = resolve([
      {
        type: 'residual',
        layers: [
          { type: 'conv', filters: 6, groups: 1, stride: 2, padding: [0, 0, 1, 1] },
          { type: 'squeezeExcite', units: 2 },
        ],
        shortcut: [{ type: 'averagePool' }, { type: 'conv', filters: 6, kernel: 1, bias: false }],
      },
      { type: 'conv', name: 'depthwise', filters: 6, groups: 6, bias: false },
    ]);
    expect(network.layers[0]?.output).toEqual([6, 14, 14]);
    expect(parametersOf(network).map(({ name, shape }) => `${name} ${shape.join('x')}`)).toEqual([
      'residual1.conv1.weight 6x1x3x3',
      'residual1.conv1.bias 6',
      'residual1.squeezeExcite1.reduce.weight 6x2',
      'residual1.squeezeExcite1.reduce.bias 2',
      'residual1.squeezeExcite1.expand.weight 2x6',
      'residual1.squeezeExcite1.expand.bias 6',
      'residual1.shortcut.conv1.weight 6x1x1x1',
      'depthwise.weight 6x1x3x3',
      'dense1.weight 1176x10',
      'dense1.bias 10',
    ]);
  });

  it('decay on weights only, and running statistics are not trained', () => {
    const parameters = parametersOf(resolve([{ type: 'conv', filters: 4 }, { type: 'batchNorm' }]));
    expect(parameters.filter(({ decay }) => decay).map(({ name }) => name)).toEqual([
      'conv1.weight',
      'dense1.weight',
    ]);
    expect(parameters.filter(({ trainable }) => !trainable).map(({ name }) => name)).toEqual([
      'batchNorm1.mean',
      'batchNorm1.variance',
    ]);
  });

  it('project the shortcut where the shapes differ, and only there', () => {
    const network = resolve(
      [
        { type: 'residual', layers: [{ type: 'conv', filters: 3 }] },
        { type: 'residual', layers: [{ type: 'conv', filters: 3, stride: [3, 2] }] },
      ],
      { height: 10, width: 9, channels: 3 },
    );
    const [same, strided] = network.layers;
    if (same?.type !== 'residual' || strided?.type !== 'residual') throw new Error('unreachable');
    expect(same.projection).toEqual([]);
    expect(strided.projection[0]?.output).toEqual(strided.output);
    expect(strided.output).toEqual([3, 4, 5]);
  });
});

describe('an architecture that does not fit names its layer and what to do', () => {
  it.each<[string, ModelSpec, RegExp, string, RegExp]>([
    [
      'a window larger than its picture',
      modelOf([
        { type: 'maxPool', size: 4 },
        { type: 'conv', name: 'deep', filters: 8, kernel: [3, 9], padding: 'valid' },
        ...head,
      ]),
      /"deep" \(conv 3x9\) has no output/,
      '7x7x1',
      /padding "same"/,
    ],
    [
      'pooling once too often',
      modelOf([...Array<Input>(5).fill({ type: 'maxPool' }), ...head]),
      /"maxPool5" \(maxPool 2x2\) has no output/,
      '1x1x1',
      /fewer pooling/,
    ],
    [
      'dense on a picture',
      modelOf([{ type: 'dense', units: 'classes' }]),
      /"dense1" \(dense\) needs a vector/,
      '28x28x1',
      /flatten/,
    ],
    [
      'a convolution of a vector',
      modelOf([{ type: 'flatten' }, { type: 'conv', filters: 4 }]),
      /"conv1" \(conv\) needs a picture/,
      '784',
      /before the flatten/,
    ],
    [
      'a last layer of another width',
      modelOf([{ type: 'flatten' }, { type: 'dense', units: 7 }]),
      /last layer must give one output for each class/,
      '7',
      /units: classes/,
    ],
    ['no layer at all', modelOf([]), /last layer/, 'no layers', /units: classes/],
    [
      'a residual block whose sides cannot meet',
      modelOf([
        {
          type: 'residual',
          name: 'block',
          layers: [{ type: 'conv', filters: 4, kernel: 5, padding: 'valid' }],
        },
        ...head,
      ]),
      /residual block "block" cannot join/,
      '28x28x1 in, 24x24x4 out',
      /padding "same"/,
    ],
    [
      'a residual block from a picture to a vector',
      modelOf([
        { type: 'residual', layers: [{ type: 'flatten' }] },
        { type: 'dense', units: 'classes' },
      ]),
      /residual block "residual1" cannot join/,
      '28x28x1 in, 784 out',
      /whole strides/,
    ],
    [
      'a shortcut that leads elsewhere',
      modelOf([
        {
          type: 'residual',
          layers: [{ type: 'conv', filters: 4, stride: 2 }],
          shortcut: [{ type: 'conv', filters: 4, kernel: 1 }],
        },
        ...head,
      ]),
      /shortcut of residual block "residual1" gives another shape/,
      '28x28x4 from the shortcut, 14x14x4 from the layers',
      /stride/,
    ],
    [
      'groups that do not divide the channels',
      modelOf([{ type: 'conv', filters: 6 }, { type: 'conv', filters: 8, groups: 4 }, ...head]),
      /4 groups of layer "conv2"/,
      '6 channels, 8 filters',
      /depthwise/,
    ],
    [
      'padding as wide as the window',
      modelOf([{ type: 'maxPool', size: 2, padding: [0, 2, 0, 0] }, ...head]),
      /padding of layer "maxPool1"/,
      'padding [0, 2, 0, 0], window 2x2',
      /less padding/,
    ],
    [
      'a layer inside a block',
      modelOf([{ type: 'residual', layers: [{ type: 'maxPool', name: 'shrink', size: 30 }] }, ...head]),
      /"residual1\.shrink" \(maxPool 30x30\) has no output/,
      '28x28x1',
      /larger images/,
    ],
  ])('%s', (_case, spec, message, received, nextStep) => {
    const error = failureOf(spec);
    expect(error.code).toBe('ROBLE_MODEL_INVALID');
    expect(error.message).toMatch(message);
    expect(error.details.received).toBe(received);
    expect(error.details.expected).toBeTruthy();
    expect(error.details.nextSteps?.join(' ')).toMatch(nextStep);
  });

  it('two layers of one name', () => {
    const error = failureOf(modelOf([{ type: 'relu', name: 'x' }, { type: 'gelu', name: 'x' }, ...head]));
    expect(error.message).toBe('Two layers are named "x".');
    const numbered = failureOf(modelOf([{ type: 'relu', name: 'gelu1' }, { type: 'gelu' }, ...head]));
    expect(numbered.message).toContain('"gelu1"');
  });
});

it('sizeOf and formatShape', () => {
  expect(sizeOf([3, 4, 5])).toBe(60);
  expect(formatShape([3, 4, 5])).toBe('4x5x3');
  expect(formatShape([7])).toBe('7');
});
