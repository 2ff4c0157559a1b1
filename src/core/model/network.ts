import { RobleError } from '../base/errors.js';
import type {
  ActivationLayer,
  BatchNormLayer,
  ConvLayer,
  DenseLayer,
  DropoutLayer,
  FlattenLayer,
  GlobalPoolLayer,
  ImageShape,
  InputType,
  Layer,
  ModelSpec,
  PoolLayer,
  ResidualLayer,
  SqueezeExciteLayer,
} from './spec.js';

/** The shape of one sample between two layers: [channels, height, width] or [units]. */
export type SampleShape = readonly [number, number, number] | readonly [number];

/** A tensor that belongs to a layer. */
export interface ParameterSpec {
  /** `layer.part`, such as `conv1.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** False for running statistics. */
  readonly trainable: boolean;
  /** Whether weight decay applies: weights yes, biases and norms no. */
  readonly decay: boolean;
  /** Uniform in (-bound, bound), or one value. */
  readonly initial: { readonly bound: number } | { readonly value: number };
}

/** Rows and columns added [top, left, bottom, right]. */
export type Padding = readonly [number, number, number, number];

/** Kernel, stride and padding of a convolution or pooling, as numbers. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: Padding;
}

interface Resolved<L> {
  readonly name: string;
  readonly layer: L;
  readonly input: SampleShape;
  readonly output: SampleShape;
  readonly parameters: readonly ParameterSpec[];
}
export type ResolvedConv = Resolved<ConvLayer> & {
  readonly type: 'conv';
  readonly window: Window;
  readonly groups: number;
};
export type ResolvedPool = Resolved<PoolLayer> & {
  readonly type: PoolLayer['type'];
  readonly window: Window;
};
export type ResolvedBatchNorm = Resolved<BatchNormLayer> & { readonly type: 'batchNorm' };
export type ResolvedActivation = Resolved<ActivationLayer> & { readonly type: ActivationLayer['type'] };
export type ResolvedGlobalPool = Resolved<GlobalPoolLayer> & { readonly type: GlobalPoolLayer['type'] };
export type ResolvedDropout = Resolved<DropoutLayer> & { readonly type: 'dropout' };
export type ResolvedFlatten = Resolved<FlattenLayer> & { readonly type: 'flatten' };
export type ResolvedDense = Resolved<DenseLayer> & { readonly type: 'dense'; readonly units: number };
export type ResolvedSqueezeExcite = Resolved<SqueezeExciteLayer> & {
  readonly type: 'squeezeExcite';
  /** From the picture to a factor for each channel: an average over its pixels, and two dense layers. */
  readonly body: readonly [ResolvedGlobalPool, ...ResolvedLayer[]];
};
export type ResolvedResidual = Resolved<ResidualLayer> & {
  readonly type: 'residual';
  readonly body: readonly ResolvedLayer[];
  /** What the input goes through on the shortcut; empty when it is added as it is. */
  readonly projection: readonly ResolvedLayer[];
};
/** A layer with its name, its shapes and its parameters. */
export type ResolvedLayer =
  | ResolvedConv
  | ResolvedPool
  | ResolvedBatchNorm
  | ResolvedActivation
  | ResolvedGlobalPool
  | ResolvedDropout
  | ResolvedFlatten
  | ResolvedDense
  | ResolvedSqueezeExcite
  | ResolvedResidual;

/** A model whose shapes fit. */
export interface Network {
  readonly input: ImageShape;
  readonly inputType: InputType;
  readonly classes: number;
  readonly layers: readonly ResolvedLayer[];
}

/** `28x28x32` (height, width, channels) or `256`. */
export function formatShape(shape: SampleShape): string {
  return shape.length === 1 ? `${shape[0]}` : `${shape[1]}x${shape[2]}x${shape[0]}`;
}

/** Number of values of one sample. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** All layers, those inside blocks too, in the order of the computation. */
export function* everyLayer(layers: readonly ResolvedLayer[]): Generator<ResolvedLayer> {
  for (const layer of layers) {
    yield layer;
    yield* everyLayer(layersInside(layer));
  }
}

/** The layers that a block consists of; none of any other layer. */
export function layersInside(layer: ResolvedLayer): readonly ResolvedLayer[] {
  if (layer.type === 'residual') return [...layer.body, ...layer.projection];
  return layer.type === 'squeezeExcite' ? layer.body : [];
}

/** All parameters and running statistics, in the order of the layers. */
export function parametersOf(network: Network): ParameterSpec[] {
  return [...everyLayer(network.layers)].flatMap((layer) => [...layer.parameters]);
}

/**
 * Names the layers, computes every shape and lists the parameters.
 *
 * @throws {RobleError} `ROBLE_MODEL_INVALID`, naming the first layer that does not fit and the shape that reaches it.
 */
export function resolveNetwork(spec: ModelSpec): Network {
  const inputType = spec.inputType ?? 'uint8';
  const layers = resolveSequence(spec.layers, sampleShape(spec.input, inputType), {
    classes: spec.classes,
    names: new Set(),
    counts: new Map(),
    prefix: '',
  });
  const output = layers.at(-1)?.output;
  if (output?.length !== 1 || output[0] !== spec.classes)
    throw invalid(`The last layer must give one output for each class.`, {
      received: output ? formatShape(output) : 'no layers',
      expected: `${spec.classes}`,
      nextSteps: ['End the layers with: { type: dense, units: classes }'],
    });
  return { input: spec.input, inputType, classes: spec.classes, layers };
}

/** Features without height and width are a vector. */
function sampleShape({ height, width, channels }: ImageShape, inputType: InputType): SampleShape {
  return inputType === 'float32' && height * width === 1 ? [channels] : [channels, height, width];
}

interface Scope {
  readonly classes: number;
  readonly names: Set<string>;
  readonly counts: Map<string, number>;
  readonly prefix: string;
}

function resolveSequence(layers: readonly Layer[], input: SampleShape, scope: Scope): ResolvedLayer[] {
  const resolved: ResolvedLayer[] = [];
  let shape = input;
  for (const layer of layers) {
    const next = resolveLayer(layer, shape, scope);
    resolved.push(next);
    shape = next.output;
  }
  return resolved;
}

function resolveLayer(layer: Layer, input: SampleShape, scope: Scope): ResolvedLayer {
  const name = nameOf(layer, scope);
  switch (layer.type) {
    case 'conv':
      return resolveConv(layer, name, input);
    case 'maxPool':
    case 'averagePool': {
      const [channels] = imageInput(layer, name, input);
      const window = windowOf(layer, name, layer.size, layer.stride ?? layer.size, input);
      const output = [channels, ...windowOutput(layer, name, input, window)] as const;
      return { type: layer.type, name, layer, input, output, parameters: [], window };
    }
    case 'batchNorm': {
      const channels = input[0];
      const vector = (part: string, value: number, trainable: boolean): ParameterSpec => ({
        name: `${name}.${part}`,
        shape: [channels],
        trainable,
        decay: false,
        initial: { value },
      });
      const parameters = [
        vector('scale', 1, true),
        vector('bias', 0, true),
        vector('mean', 0, false),
        vector('variance', 1, false),
      ];
      return { type: 'batchNorm', name, layer, input, output: input, parameters };
    }
    case 'relu':
    case 'gelu':
    case 'silu':
    case 'relu6':
    case 'hardSwish':
    case 'hardSigmoid':
    case 'sigmoid':
      return { type: layer.type, name, layer, input, output: input, parameters: [] };
    case 'globalAveragePool':
    case 'globalMaxPool':
      return {
        type: layer.type,
        name,
        layer,
        input,
        output: [imageInput(layer, name, input)[0]],
        parameters: [],
      };
    case 'dropout':
      return { type: 'dropout', name, layer, input, output: input, parameters: [] };
    case 'flatten':
      return { type: 'flatten', name, layer, input, output: [sizeOf(input)], parameters: [] };
    case 'dense':
      return resolveDense(layer, name, input, scope.classes);
    case 'squeezeExcite':
      return resolveSqueezeExcite(layer, name, input, scope);
    case 'residual':
      return resolveResidual(layer, name, input, scope);
  }
}

function resolveConv(layer: ConvLayer, name: string, input: SampleShape): ResolvedConv {
  const [channels] = imageInput(layer, name, input);
  const { filters, groups = 1 } = layer;
  if (channels % groups !== 0 || filters % groups !== 0)
    throw invalid(`The ${groups} groups of layer "${name}" (conv) do not divide its channels and filters.`, {
      received: `${channels} channels, ${filters} filters`,
      expected: `multiples of ${groups}`,
      nextSteps: ['For a depthwise convolution, give as many filters and groups as it has channels.'],
    });
  const window = windowOf(layer, name, layer.kernel, layer.stride, input);
  const output = [filters, ...windowOutput(layer, name, input, window)] as const;
  const parameters = weightAndBias(
    name,
    [filters, channels / groups, ...window.kernel],
    (channels / groups) * sizeOf(window.kernel),
    filters,
    layer.bias,
  );
  return { type: 'conv', name, layer, input, output, parameters, window, groups };
}

function resolveDense(layer: DenseLayer, name: string, input: SampleShape, classes: number): ResolvedDense {
  if (input.length !== 1)
    throw invalid(`Layer "${name}" (dense) needs a vector.`, {
      received: formatShape(input),
      expected: 'a vector',
      nextSteps: ['Put { type: flatten } or { type: globalAveragePool } before it.'],
    });
  const units = layer.units === 'classes' ? classes : layer.units;
  const parameters = weightAndBias(name, [input[0], units], input[0], units, layer.bias);
  return { type: 'dense', name, layer, units, input, output: [units], parameters };
}

function resolveSqueezeExcite(
  layer: SqueezeExciteLayer,
  name: string,
  input: SampleShape,
  scope: Scope,
): ResolvedSqueezeExcite {
  const [channels] = imageInput(layer, name, input);
  const layers: Layer[] = [
    { type: 'globalAveragePool' },
    { type: 'dense', name: 'reduce', units: layer.units, bias: true },
    { type: layer.activation },
    { type: 'dense', name: 'expand', units: channels, bias: true },
    { type: layer.gate, name: 'gate' },
  ];
  const body = resolveSequence(layers, input, within(scope, name));
  return {
    type: 'squeezeExcite',
    name,
    layer,
    input,
    output: input,
    parameters: [],
    body: body as [ResolvedGlobalPool, ...ResolvedLayer[]],
  };
}

/** Of the layers of a block. */
function within(scope: Scope, block: string): Scope {
  return { ...scope, counts: new Map(), prefix: `${block}.` };
}

function resolveResidual(
  layer: ResidualLayer,
  name: string,
  input: SampleShape,
  scope: Scope,
): ResolvedResidual {
  const inner = within(scope, name);
  const body = resolveSequence(layer.layers, input, inner);
  const output = body.at(-1)!.output;
  const projection = layer.shortcut
    ? resolveSequence(layer.shortcut, input, within(scope, `${name}.shortcut`))
    : sameShape(input, output)
      ? []
      : resolveSequence(projectionLayers(name, input, output), input, inner);
  const joined = projection.at(-1)?.output ?? input;
  if (!sameShape(joined, output))
    throw invalid(`The shortcut of residual block "${name}" gives another shape than its layers.`, {
      received: `${formatShape(joined)} from the shortcut, ${formatShape(output)} from the layers`,
      expected: 'the same shape from both',
      nextSteps: ['Give the shortcut the filters and the stride of the layers.'],
    });
  return { type: 'residual', name, layer, input, output, parameters: [], body, projection };
}

/** The shortcut of He et al. 2015, option B: a strided 1x1 convolution with batch norm. */
function projectionLayers(name: string, input: SampleShape, output: SampleShape): Layer[] {
  const strides = [1, 2].map((axis) => Math.ceil((input[axis] ?? 0) / (output[axis] ?? 1))) as [
    number,
    number,
  ];
  const reached = [1, 2].every((axis) => Math.ceil((input[axis] ?? 0) / strides[axis - 1]!) === output[axis]);
  if (input.length !== 3 || output.length !== 3 || !reached)
    throw invalid(`The shortcut of residual block "${name}" cannot join its input and its output.`, {
      received: `${formatShape(input)} in, ${formatShape(output)} out`,
      expected: 'an output that a strided 1x1 convolution can reach from the input',
      nextSteps: ['Use padding "same" inside the block, and whole strides.'],
    });
  return [
    {
      type: 'conv',
      name: 'projection',
      filters: output[0],
      kernel: 1,
      stride: strides,
      padding: 'same',
      bias: false,
    },
    { type: 'batchNorm', name: 'projectionNorm', epsilon: 1e-5, momentum: 0.1 },
  ];
}

/**
 * Weights start uniform within 1 / sqrt(fan-in), PyTorch's default, and biases at zero. Smaller weights than He et al.
 * 2015 before a batch norm turn faster at the same learning rate.
 */
function weightAndBias(
  name: string,
  shape: number[],
  fanIn: number,
  units: number,
  bias: boolean,
): ParameterSpec[] {
  const weight: ParameterSpec = {
    name: `${name}.weight`,
    shape,
    trainable: true,
    decay: true,
    initial: { bound: Math.sqrt(1 / fanIn) },
  };
  if (!bias) return [weight];
  return [
    weight,
    { name: `${name}.bias`, shape: [units], trainable: true, decay: false, initial: { value: 0 } },
  ];
}

function nameOf(layer: Layer, scope: Scope): string {
  const number = (scope.counts.get(layer.type) ?? 0) + 1;
  scope.counts.set(layer.type, number);
  const name = `${scope.prefix}${layer.name ?? `${layer.type}${number}`}`;
  if (scope.names.has(name))
    throw invalid(`Two layers are named "${name}".`, {
      received: name,
      expected: 'a name of its own for each layer',
    });
  scope.names.add(name);
  return name;
}

function imageInput(layer: Layer, name: string, input: SampleShape): readonly [number, number, number] {
  if (input.length === 3) return input;
  throw invalid(`Layer "${name}" (${layer.type}) needs a picture, but a vector reaches it.`, {
    received: formatShape(input),
    expected: 'height x width x channels',
    nextSteps: ['Move it before the flatten or global pooling layer.'],
  });
}

const both = (value: number | readonly [number, number]): readonly [number, number] =>
  typeof value === 'number' ? [value, value] : value;

/** Padding "same" puts the odd row or column at the end, as TensorFlow and ONNX's SAME_UPPER do. */
function windowOf(
  layer: ConvLayer | PoolLayer,
  name: string,
  kernel: number | readonly [number, number],
  stride: number | readonly [number, number],
  input: SampleShape,
): Window {
  const { padding } = layer;
  const [kernels, strides] = [both(kernel), both(stride)];
  if (typeof padding !== 'string') {
    // A window that lies on nothing but padding has no maximum and no average.
    if (padding.some((rows, side) => rows >= kernels[side % 2]!))
      throw invalid(`The padding of layer "${name}" (${layer.type}) is not less than its window.`, {
        received: `padding [${padding.join(', ')}], window ${kernels.join('x')}`,
        expected: `at most ${kernels[0] - 1} rows and ${kernels[1] - 1} columns`,
        nextSteps: ['Give it less padding, or a larger window.'],
      });
    return { kernel: kernels, stride: strides, padding };
  }
  const total = [0, 1].map((axis) => {
    if (padding === 'valid') return 0;
    const side = input[axis + 1]!;
    return Math.max((Math.ceil(side / strides[axis]!) - 1) * strides[axis]! + kernels[axis]! - side, 0);
  }) as [number, number];
  const begin = total.map((value) => Math.floor(value / 2)) as [number, number];
  return {
    kernel: kernels,
    stride: strides,
    padding: [begin[0], begin[1], total[0] - begin[0], total[1] - begin[1]],
  };
}

function windowOutput(layer: Layer, name: string, input: SampleShape, window: Window): [number, number] {
  const [top, left, bottom, right] = window.padding;
  const padded = [input[1]! + top + bottom, input[2]! + left + right];
  const output = [0, 1].map(
    (axis) => Math.floor((padded[axis]! - window.kernel[axis]!) / window.stride[axis]!) + 1,
  ) as [number, number];
  if (output.every((side) => side > 0)) return output;
  throw invalid(
    `Layer "${name}" (${layer.type} ${window.kernel.join('x')}) has no output: what reaches it is smaller than its window.`,
    {
      received: formatShape(input),
      expected: `at least ${window.kernel.join('x')} pixels`,
      nextSteps: ['Use padding "same", fewer pooling layers, or larger images.'],
    },
  );
}

function sameShape(a: SampleShape, b: SampleShape): boolean {
  return a.length === b.length && a.every((side, axis) => side === b[axis]);
}

function invalid(message: string, details: ConstructorParameters<typeof RobleError>[2]): RobleError {
  return new RobleError('ROBLE_MODEL_INVALID', message, details);
}
