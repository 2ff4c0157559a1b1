import type { TensorMap } from '../../base/storage/safetensors.js';
import type { Constant } from '../onnx/constant.js';
import { type FileGraph, type FileNode, floatOf, intOf, intsOf, textOf } from '../onnx/file-graph.js';
import type { KnownValue } from '../onnx/shapes.js';
import type { LayerInput } from '../spec.js';

/** A layer with its tensors by the part of the layer's name; of a residual block, its layers. */
export interface Part {
  readonly layer: LayerInput;
  readonly tensors: TensorMap;
  readonly body?: readonly Part[];
  readonly shortcut?: readonly Part[];
}

/** Why a graph is not one of roble's layers. */
export class Unreadable extends Error {}

/** The networks that are read have some hundreds of nodes. */
const MAX_NODES = 5_000;
/** Blocks in blocks. */
const MAX_DEPTH = 8;

/** Nodes whose further inputs are shapes, bounds or axes. */
const ONE_INPUT = new Set([
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Clip',
  'Pad',
  'Dropout',
  'ReduceMean',
  'Flatten',
  'Cast',
]);
/** Nodes that are layers without parameters. */
const ACTIVATIONS = new Map<string, 'relu' | 'sigmoid' | 'hardSwish'>([
  ['Relu', 'relu'],
  ['Sigmoid', 'sigmoid'],
  ['HardSwish', 'hardSwish'],
]);

/**
 * Follows a graph backwards from a value to the one that it was made of, node by node; where two ways meet, back to where
 * they parted.
 */
export class GraphWalk {
  readonly #graph: FileGraph;
  readonly #shapes: ReadonlyMap<string, KnownValue>;
  /** What all ways to a value go through last, and how many such values lie before it. */
  readonly #gates = new Map<string, { readonly before: string | undefined; readonly depth: number }>();
  /** Values that were averaged over height and width: vectors, whether or not sides of 1 were kept. */
  readonly #pooled = new Set<string>();

  constructor(graph: FileGraph, shapes: ReadonlyMap<string, KnownValue>) {
    if (graph.nodes.length > MAX_NODES) throw new Unreadable(`it has ${graph.nodes.length} nodes.`);
    this.#graph = graph;
    this.#shapes = shapes;
    for (const node of graph.nodes) {
      const from = this.#dataInputs(node);
      const before =
        from.length === 0 ? undefined : from.reduce<string | undefined>((a, b) => this.#fork(a, b), from[0]);
      const depth = before === undefined ? 0 : this.#depth(before) + 1;
      const isPooled =
        isGlobalAverage(node, graph.constants) ||
        (from.length > 0 && from.every((name) => this.#pooled.has(name)));
      for (const output of node.outputs) {
        this.#gates.set(output, { before, depth });
        if (isPooled) this.#pooled.add(output);
      }
    }
  }

  isPooled(value: string): boolean {
    return this.#pooled.has(value);
  }

  /** The picture in the order of channels, height, width, of one in the order height, width, channels. */
  transposed(value: string): string {
    const [next, ...others] = this.#graph.consumers.get(value) ?? [];
    if (next?.operator === 'Transpose' && others.length === 0 && intsOf(next, 'perm')?.join() === '0,3,1,2')
      return next.outputs[0]!;
    throw new Unreadable('its pictures [N, height, width, channels] are not transposed first.');
  }

  /** The layers that make `end` of `start`. */
  between(start: string, end: string, nesting = 0): Part[] {
    if (nesting > MAX_DEPTH) throw new Unreadable(`it has blocks in blocks, more than ${MAX_DEPTH} deep.`);
    const parts: Part[] = [];
    let value = end;
    while (value !== start) {
      const node = this.#graph.producers.get(value);
      if (!node) throw new Unreadable(`"${end}" is not made of "${start}" alone.`);
      const step = this.#step(node, nesting);
      parts.push(...[...step.parts].reverse());
      value = step.from;
    }
    return parts.reverse();
  }

  #step(node: FileNode, nesting: number): { parts: readonly Part[]; from: string } {
    const inputs = this.#dataInputs(node);
    const [x, other] = inputs;
    if (x === undefined) throw unreadable(node, 'it takes only constants');
    if (inputs.length === 1) return this.#layer(node, x);
    if (inputs.length === 2 && node.operator === 'Add') return this.#sum(node, x, other!, nesting);
    if (inputs.length === 2 && node.operator === 'Mul') return this.#product(node, x, other!, nesting);
    throw unreadable(node, 'roble has no layer that joins branches this way');
  }

  /** A residual block: the branch with the fewer layers is the shortcut. */
  #sum(node: FileNode, a: string, b: string, nesting: number) {
    const from = this.#fork(a, b);
    if (from === undefined) throw unreadable(node, 'its branches have no common beginning');
    const branches = [a, b]
      .map((end) => this.between(from, end, nesting + 1))
      .sort((p, q) => q.length - p.length);
    const [body, shortcut] = branches as [Part[], Part[]];
    if (body.length === 0) throw unreadable(node, 'it adds a value to itself');
    if (this.#shapes.get(a)?.shape.join() !== this.#shapes.get(b)?.shape.join())
      throw unreadable(node, 'it adds values of different shapes');
    return {
      from,
      parts: [{ layer: { type: 'residual' as const, layers: [] }, tensors: {}, body, shortcut }],
    };
  }

  /** x * sigmoid(x) and the like, and squeeze-and-excite. */
  #product(node: FileNode, a: string, b: string, nesting: number) {
    const from = this.#fork(a, b);
    if (from !== a && from !== b) throw unreadable(node, 'it multiplies two branches');
    const factor = this.between(from, from === a ? b : a, nesting + 1);
    const types = factor.map(({ layer }) => layer.type).join();
    if (types === 'sigmoid') return { from, parts: [plain('silu')] };
    if (types === 'hardSigmoid') return { from, parts: [plain('hardSwish')] };
    const [pool, reduce, activation, expand, gate, ...more] = factor;
    const [weighs, narrows, widens] = [gate?.layer.type, reduce?.layer, expand?.layer];
    const isGate = weighs === 'sigmoid' || weighs === 'hardSigmoid';
    const between = ACTIVATION_TYPES.find((type) => type === activation?.layer.type);
    if (pool?.layer.type !== 'globalAveragePool' || narrows?.type !== 'dense' || widens?.type !== 'dense')
      throw unreadable(node, 'roble has no layer that multiplies this way');
    if (!isGate || !between || more.length > 0 || typeof narrows.units !== 'number')
      throw unreadable(node, 'it is no squeeze-and-excite that roble knows');
    const tensors: TensorMap = {};
    for (const [name, { tensors: own }] of [
      ['reduce', reduce!],
      ['expand', expand!],
    ] as const) {
      const { weight, bias } = own;
      tensors[`${name}.weight`] = weight!;
      tensors[`${name}.bias`] = bias ?? {
        shape: [weight!.shape[1]!],
        data: new Float32Array(weight!.shape[1]!),
      };
    }
    const layer: LayerInput = {
      type: 'squeezeExcite',
      units: narrows.units,
      activation: between,
      gate: weighs,
    };
    return { from, parts: [{ layer, tensors }] };
  }

  /** A node with one input that is no constant. */
  #layer(node: FileNode, x: string): { parts: readonly Part[]; from: string } {
    const one = (part: Part, from = x) => ({ parts: [part], from });
    const activation = ACTIVATIONS.get(node.operator);
    if (activation) return one(plain(activation));
    switch (node.operator) {
      case 'Identity':
      case 'Dropout':
      case 'Cast':
        return { parts: [], from: x };
      case 'Conv':
        return this.#convolution(node, x);
      case 'BatchNormalization':
        return one(this.#batchNorm(node));
      case 'Clip':
        return one(this.#clip(node));
      case 'HardSigmoid':
        if (Math.abs(floatOf(node, 'alpha', 0.2) - 1 / 6) > 1e-6 || floatOf(node, 'beta', 0.5) !== 0.5)
          throw unreadable(node, 'roble knows the hard sigmoid x / 6 + 0.5');
        return one(plain('hardSigmoid'));
      case 'Gelu':
        if (textOf(node, 'approximate', 'none') !== 'none')
          throw unreadable(node, 'roble knows the exact GELU');
        return one(plain('gelu'));
      case 'MaxPool':
      case 'AveragePool':
        return one(this.#pooling(node, x));
      case 'GlobalAveragePool':
      case 'ReduceMean':
        return this.#average(node, x);
      case 'Flatten':
      case 'Reshape':
      case 'Squeeze':
      case 'Unsqueeze':
        return this.#reshape(node, x);
      case 'Gemm':
        return one(this.#gemm(node));
      case 'MatMul':
        return one(this.#dense(node, node.inputs[1], undefined, false));
      case 'Add': {
        const product = this.#graph.producers.get(x);
        const bias = node.inputs.find((name) => name !== x);
        if (product?.operator === 'MatMul' && this.#graph.constants.has(product.inputs[1] ?? ''))
          return one(this.#dense(product, product.inputs[1], bias, false), product.inputs[0]!);
        break;
      }
    }
    throw unreadable(node, 'roble has no such layer');
  }

  #convolution(node: FileNode, x: string) {
    const weight = this.#constant(node, 1);
    const bias = node.inputs[2] ? this.#constant(node, 2) : undefined;
    const [filters = 0, , ...kernel] = weight.dims;
    const groups = intOf(node, 'group', 1);
    const tensors = { weight: tensorOf(weight), ...(bias && { bias: tensorOf(bias) }) };
    if (this.#pooled.has(x)) {
      if (kernel.join() !== '1,1' || groups !== 1) throw unreadable(node, 'it convolves a vector');
      return { from: x, parts: [this.#dense(node, node.inputs[1], node.inputs[2], true)] };
    }
    if (kernel.length !== 2) throw unreadable(node, 'roble convolves pictures');
    const { stride, padding, from } = this.#window(node, x, kernel);
    const layer: LayerInput = {
      type: 'conv',
      filters,
      kernel: pair(kernel),
      stride,
      padding,
      ...(groups !== 1 && { groups }),
      bias: bias !== undefined,
    };
    return { from, parts: [{ layer, tensors }] };
  }

  /** Padding by a node of its own is taken into the convolution. */
  #window(node: FileNode, x: string, kernel: readonly number[]) {
    if (intsOf(node, 'dilations')?.some((dilation) => dilation !== 1))
      throw unreadable(node, 'its windows have gaps');
    const stride = pair(intsOf(node, 'strides') ?? [1, 1]);
    const auto = textOf(node, 'auto_pad', 'NOTSET');
    if (auto === 'SAME_LOWER') throw unreadable(node, 'it pads SAME_LOWER');
    const isConvolution = node.operator === 'Conv';
    const around = isConvolution ? this.#graph.producers.get(x) : undefined;
    const [before, from] =
      around?.operator === 'Pad' ? [this.#zeros(around), this.#dataInputs(around)[0]!] : [[0, 0, 0, 0], x];
    const own = auto === 'NOTSET' ? (intsOf(node, 'pads') ?? [0, 0, 0, 0]) : [0, 0, 0, 0];
    if (auto === 'SAME_UPPER') {
      if (before.some((side) => side > 0)) throw unreadable(node, 'it pads twice');
      return { stride, padding: 'same' as const, from, kernel };
    }
    const all = [0, 1, 2, 3].map((i) => before[i]! + (own[i] ?? 0)) as [number, number, number, number];
    if (intOf(node, 'ceil_mode', 0) === 1) this.#extend(node, x, kernel, stride, all);
    return { stride, padding: all.every((side) => side === 0) ? ('valid' as const) : all, from, kernel };
  }

  /** A last window that is not whole is one on more padding below and on the right. */
  #extend(
    node: FileNode,
    x: string,
    kernel: readonly number[],
    stride: readonly number[],
    padding: [number, number, number, number],
  ): void {
    const [input, output] = [this.#shapes.get(x)?.shape, this.#shapes.get(node.outputs[0]!)?.shape];
    for (const axis of [0, 1] as const) {
      const [side, windows] = [input?.[axis + 2], output?.[axis + 2]];
      if (side === undefined || windows === undefined) throw unreadable(node, 'its shape is not known');
      const reach = (windows - 1) * stride[axis]! + kernel[axis]! - side - padding[axis];
      padding[axis + 2] = Math.max(padding[axis + 2]!, reach);
    }
  }

  /** Rows and columns [top, left, bottom, right] that a node adds. */
  #zeros(node: FileNode): number[] {
    const { constants } = this.#graph;
    // Some writers compute the padding from the sides of the picture.
    const pads = this.#shapes.get(node.inputs[1] ?? '')?.numbers ?? intsOf(node, 'pads');
    const value = node.inputs[2] ? constants.get(node.inputs[2])?.floats()[0] : floatOf(node, 'value', 0);
    const isPlain = textOf(node, 'mode', 'constant') === 'constant' && value === 0 && !node.inputs[3];
    const [n, c, top, left, n2, c2, bottom, right] = pads ?? [];
    if (
      !isPlain ||
      pads?.length !== 8 ||
      [n, c, n2, c2].some((side) => side !== 0) ||
      pads.some((side) => side < 0)
    )
      throw unreadable(node, 'roble pads pictures with zeros');
    return [top!, left!, bottom!, right!];
  }

  #pooling(node: FileNode, x: string): Part {
    const kernel = intsOf(node, 'kernel_shape') ?? [];
    if (kernel.length !== 2 || this.#pooled.has(x)) throw unreadable(node, 'roble pools pictures');
    const isAverage = node.operator === 'AveragePool';
    const { stride, padding } = this.#window(node, x, kernel);
    const countPadding = isAverage && intOf(node, 'count_include_pad', 0) === 1 && padding !== 'valid';
    if (countPadding && (intOf(node, 'ceil_mode', 0) === 1 || padding === 'same'))
      throw unreadable(node, 'it counts padding that is not given in numbers');
    return {
      layer: {
        type: isAverage ? 'averagePool' : 'maxPool',
        size: pair(kernel),
        stride,
        padding,
        ...(countPadding && { countPadding }),
      },
      tensors: {},
    };
  }

  #average(node: FileNode, x: string) {
    if (this.#pooled.has(x) || !isGlobalAverage(node, this.#graph.constants))
      throw unreadable(node, 'roble averages pictures over height and width');
    return { from: x, parts: [plain('globalAveragePool')] };
  }

  /** Of a vector, nothing; of a picture, all its values in a row. */
  #reshape(node: FileNode, x: string) {
    const [before, after] = [this.#shapes.get(x)?.shape, this.#shapes.get(node.outputs[0]!)?.shape];
    if (!before || !after) throw unreadable(node, 'its shape is not known');
    const isSame = before[0] === after[0] && before[1] === after[1];
    const ones = (shape: readonly number[]) => shape.slice(2).every((side) => side === 1);
    if (isSame && ((this.#pooled.has(x) && ones(before) && ones(after)) || before.join() === after.join()))
      return { from: x, parts: [] };
    if (before.length === 4 && after.length === 2 && before[0] === after[0])
      return { from: x, parts: [plain('flatten')] };
    throw unreadable(node, `roble has no layer from [${before.join(', ')}] to [${after.join(', ')}]`);
  }

  #batchNorm(node: FileNode): Part {
    if (intOf(node, 'training_mode', 0) === 1) throw unreadable(node, 'it was written while training');
    const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => tensorOf(this.#constant(node, i)));
    const momentum = Number((1 - floatOf(node, 'momentum', 0.9)).toPrecision(6));
    return {
      layer: {
        type: 'batchNorm',
        epsilon: Number(floatOf(node, 'epsilon', 1e-5).toPrecision(6)),
        ...(momentum > 0 && momentum <= 1 && { momentum }),
      },
      tensors: { scale: scale!, bias: bias!, mean: mean!, variance: variance! },
    };
  }

  #clip(node: FileNode): Part {
    const bound = (i: number, name: string) =>
      node.attributes.has(name)
        ? floatOf(node, name, Number.NaN)
        : this.#graph.constants.get(node.inputs[i] ?? '')?.floats()[0];
    const [low, high] = [bound(1, 'min'), bound(2, 'max')];
    if (low === 0 && high === 6) return plain('relu6');
    if (low === 0 && (high === undefined || high > 3e38)) return plain('relu');
    throw unreadable(node, `it cuts at ${low} and ${high}, and roble at 0 and 6`);
  }

  #gemm(node: FileNode): Part {
    if (floatOf(node, 'alpha', 1) !== 1 || floatOf(node, 'beta', 1) !== 1 || intOf(node, 'transA', 0) === 1)
      throw unreadable(node, 'it scales or turns its input');
    return this.#dense(node, node.inputs[1], node.inputs[2], intOf(node, 'transB', 0) === 1);
  }

  /** @param isTurned whether the weights are [units, inputs] instead of [inputs, units], sides of 1 left out */
  #dense(node: FileNode, weightName = '', biasName = '', isTurned: boolean): Part {
    const { constants } = this.#graph;
    const [weight, bias] = [constants.get(weightName), biasName === '' ? undefined : constants.get(biasName)];
    if (!weight || (biasName !== '' && !bias)) throw unreadable(node, 'its weights are computed');
    if (weight.dims.slice(2).some((side) => side !== 1)) throw unreadable(node, 'its weights are no matrix');
    const [rows = 0, columns = 0] = weight.dims;
    const [inputs, units] = isTurned ? [columns, rows] : [rows, columns];
    if (bias && bias.count !== units) throw unreadable(node, 'its bias is not one number for each output');
    const data = weight.floats();
    const turned = isTurned ? new Float32Array(data.length) : data;
    if (isTurned)
      for (let unit = 0; unit < units; unit++)
        for (let i = 0; i < inputs; i++) turned[i * units + unit] = data[unit * inputs + i]!;
    return {
      layer: { type: 'dense', units, bias: bias !== undefined },
      tensors: {
        weight: { shape: [inputs, units], data: turned },
        ...(bias && { bias: { shape: [units], data: bias.floats() } }),
      },
    };
  }

  #constant(node: FileNode, i: number): Constant {
    const constant = this.#graph.constants.get(node.inputs[i] ?? '');
    if (constant) return constant;
    throw unreadable(node, 'its weights are computed');
  }

  #dataInputs({ operator, inputs }: FileNode): readonly string[] {
    const { constants } = this.#graph;
    const data = ONE_INPUT.has(operator) ? inputs.slice(0, 1) : inputs;
    return data.filter((name) => name !== '' && !constants.has(name));
  }

  #depth(value: string): number {
    return this.#gates.get(value)?.depth ?? 0;
  }

  /** The last value that all ways to both go through; undefined where there is none. */
  #fork(a: string | undefined, b: string | undefined): string | undefined {
    let [one, other] = [a, b];
    while (one !== other) {
      if (one === undefined || other === undefined) return undefined;
      if (this.#depth(one) >= this.#depth(other)) one = this.#gates.get(one)?.before;
      else other = this.#gates.get(other)?.before;
    }
    return one;
  }
}

const ACTIVATION_TYPES = ['relu', 'gelu', 'silu', 'relu6', 'hardSwish', 'hardSigmoid', 'sigmoid'] as const;

function plain(type: (typeof ACTIVATION_TYPES)[number] | 'globalAveragePool' | 'flatten'): Part {
  return { layer: { type }, tensors: {} };
}

function pair(values: readonly number[]): [number, number] {
  return [values[0] ?? 1, values[1] ?? 1];
}

function tensorOf(constant: Constant): TensorMap[string] {
  return { shape: [...constant.dims], data: constant.floats() };
}

function unreadable({ name, operator }: FileNode, why: string): Unreadable {
  return new Unreadable(`the node "${name}" (${operator}): ${why}.`);
}

/** An average over height and width; axes of newer operator sets are a constant. */
function isGlobalAverage(node: FileNode, constants: FileGraph['constants']): boolean {
  if (node.operator === 'GlobalAveragePool') return true;
  if (node.operator !== 'ReduceMean') return false;
  const axes = constants.get(node.inputs[1] ?? '')?.integers() ?? intsOf(node, 'axes');
  const counted = axes?.map((axis) => (axis < 0 ? axis + 4 : axis)).sort((a, b) => a - b);
  return counted?.join() === '2,3';
}
