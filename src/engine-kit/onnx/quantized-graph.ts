import { constantOf } from '../../core/model/onnx/constant.js';
import {
  type ElementType,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  onnxAttribute,
  tensorOf,
} from '../../core/model/onnx/format.js';

/** The float numbers that a value took, at least; 0 is among them. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
}

/** How an 8-bit integer q stands for the number (q - zeroPoint) * scale. */
export interface Quantization {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Steps of an unsigned 8-bit integer. */
const STEPS = 255;
/**
 * Steps of a weight on either side of 0: seven bits. x86 processors without VNNI add two products of an unsigned and a signed
 * 8-bit integer in 16 bits, where they saturate at 32,767; 2 * 255 * 64 is less. So sums are exact, and the same, on every
 * processor, with the quickest instructions of each.
 */
const WEIGHT_STEPS = 64;
/** A bias is added to a sum of products in 32 bits: with this bound both have room. */
const LARGEST_BIAS = 2 ** 30;

/** The 256 steps of a value: they reach at least from `low` to `high`, and one of them is 0, which padding needs. */
export function quantizationOf({ low, high }: ValueRange): Quantization {
  const [below, above] = [Math.max(0, -low), Math.max(0, high)];
  if (below + above === 0) return { scale: 1, zeroPoint: 0 };
  const [first, last] = [below === 0 ? 0 : 1, above === 0 ? STEPS : STEPS - 1];
  const scaleFor = (zeroPoint: number) =>
    Math.max(below === 0 ? 0 : below / zeroPoint, above === 0 ? 0 : above / (STEPS - zeroPoint));
  const exact = (below / (below + above)) * STEPS;
  const [zeroPoint] = [Math.floor(exact), Math.ceil(exact)]
    .map((step) => Math.min(Math.max(step, first), last))
    .sort((a, b) => scaleFor(a) - scaleFor(b));
  return { scale: roundedUp(scaleFor(zeroPoint!)), zeroPoint: zeroPoint! };
}

/** The least float32 that is not below a positive number. */
function roundedUp(value: number): number {
  const rounded = new Float32Array([value]);
  if (rounded[0]! < value) new Uint32Array(rounded.buffer)[0]! += 1;
  return rounded[0]!;
}

/**
 * Weights as signed integers, symmetric around 0, with a scale for each channel of the outputs (Krishnamoorthi 2018,
 * section 3.1), and the bias as 32-bit integers in the scale of the products.
 *
 * @param axis which of the sides `dims` counts the channels
 * @param inputScale of the values that the weights are multiplied with
 */
export function quantizeWeights(
  weights: Float32Array,
  dims: readonly number[],
  axis: number,
  inputScale: number,
  bias?: Float32Array,
): { weights: Int8Array; scales: Float32Array; bias: Int32Array | undefined } {
  const channels = dims[axis]!;
  const inner = dims.slice(axis + 1).reduce((product, side) => product * side, 1);
  const channelOf = (i: number) => Math.floor(i / inner) % channels;
  const scales = new Float32Array(channels);
  for (const [i, weight] of weights.entries()) {
    const channel = channelOf(i);
    scales[channel] = Math.max(scales[channel]!, Math.abs(weight));
  }
  for (const [channel, largest] of scales.entries()) {
    const forBias = Math.abs(bias?.[channel] ?? 0) / (inputScale * LARGEST_BIAS);
    scales[channel] = roundedUp(Math.max(largest / WEIGHT_STEPS, forBias)) || 1;
  }
  return {
    weights: Int8Array.from(weights, (weight, i) => Math.round(weight / scales[channelOf(i)]!)),
    scales,
    bias:
      bias && Int32Array.from(bias, (value, channel) => Math.round(value / (inputScale * scales[channel]!))),
  };
}

/**
 * A classifier whose convolutions and dense layers are computed with 8-bit integers, in the form of the ONNX operators
 * QuantizeLinear and DequantizeLinear around the float ones (QDQ), which runtimes fuse (Jacob et al. 2018). What there is no
 * integer arithmetic for, and the last layer's sums, stay float.
 *
 * @param rangeOf asked for the range of each value that is to be quantized
 */
export function quantizeGraph(
  model: OnnxModel,
  rangeOf: (value: string) => ValueRange,
): { model: OnnxModel; layers: { readonly quantized: number; readonly all: number } } {
  const rewriting = new Rewriting(model.graph, rangeOf);
  const graph = rewriting.run();
  return { model: { ...model, graph }, layers: rewriting.layers };
}

/** Operators that take 8-bit integers as they are: they move values, or choose among them. */
const MOVING = ['Reshape', 'Transpose', 'MaxPool', 'ReduceMax'];

interface Quantized {
  /** The value, uint8. */
  readonly name: string;
  readonly scale: number;
  /** The constants of its scale and its zero point. */
  readonly parameters: readonly string[];
}

class Rewriting {
  readonly layers = { quantized: 0, all: 0 };
  readonly #graph: OnnxGraph;
  readonly #rangeOf: (value: string) => ValueRange;
  readonly #constants: ReadonlyMap<string, OnnxTensor>;
  readonly #consumers = new Map<string, OnnxNode[]>();
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  /** Values of the old graph that there are as 8-bit integers. */
  readonly #quantized = new Map<string, Quantized>();
  /** Values of the old graph that there are as floats, by what they are called now. */
  readonly #floats = new Map<string, string>();
  /** Nodes of the old graph that are left out, as another does their work. */
  readonly #absorbed = new Set<OnnxNode>();
  #count = 0;

  constructor(graph: OnnxGraph, rangeOf: (value: string) => ValueRange) {
    this.#graph = graph;
    this.#rangeOf = rangeOf;
    this.#constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    for (const node of graph.node)
      for (const value of node.input)
        this.#consumers.set(value, [...(this.#consumers.get(value) ?? []), node]);
  }

  run(): OnnxGraph {
    for (const node of this.#graph.node) if (!this.#absorbed.has(node)) this.#rewrite(node);
    return { ...this.#graph, node: this.#nodes, initializer: [...this.#initializers.values()] };
  }

  #rewrite(node: OnnxNode): void {
    const [first = '', second = ''] = node.input;
    const isLayer = node.opType === 'Conv' || node.opType === 'Gemm';
    if (isLayer) this.layers.all++;
    if (this.#pixels(node)) return;
    if (isLayer && this.#constants.has(second)) this.#layer(node);
    else if (MOVING.includes(node.opType) && this.#quantized.has(first)) this.#move(node);
    else if (node.opType === 'Add' && this.#quantized.has(first) && this.#quantized.has(second))
      this.#emitQuantized(node, [this.#dequantized(first), this.#dequantized(second)]);
    else
      this.#emit(
        node,
        node.input.map((value) => this.#float(value)),
      );
  }

  /** The pictures are 8-bit integers already: their scaling is their quantization. */
  #pixels(cast: OnnxNode): boolean {
    const [pixels = ''] = cast.input;
    if (cast.opType !== 'Cast' || !this.#graph.input.some(({ name }) => name === pixels)) return false;
    const scaling = this.#onlyConsumer(cast, 'Mul');
    const factor = this.#constants.get(scaling?.input[1] ?? '');
    if (!scaling || factor?.dims.length !== 0) return false;
    const scale = constantOf(factor).floats()[0]!;
    const parameters = this.#parameters(pixels, { scale, zeroPoint: 0 });
    this.#quantized.set(scaling.output[0]!, { name: pixels, scale, parameters });
    this.#absorbed.add(scaling);
    return true;
  }

  #layer(node: OnnxNode): void {
    this.layers.quantized++;
    const [x = '', weight = '', bias] = node.input;
    const input = this.#quantize(x);
    const isConv = node.opType === 'Conv';
    const { dims } = this.#constants.get(weight)!;
    const axis = isConv ? 0 : 1;
    const offsets = bias === undefined ? undefined : constantOf(this.#constants.get(bias)!).floats();
    const integers = quantizeWeights(
      constantOf(this.#constants.get(weight)!).floats(),
      dims,
      axis,
      input.scale,
      offsets,
    );
    const { scales } = integers;
    const inputs = [
      this.#dequantized(x),
      this.#dequantizedConstant(
        this.#constant(`${weight}_integers`, 'int8', dims, integers.weights),
        this.#constant(`${weight}_scale`, 'float32', [scales.length], scales),
        this.#constant(`${weight}_zero`, 'int8', [scales.length], new Int8Array(scales.length)),
        axis,
      ),
    ];
    if (integers.bias) {
      const products = scales.map((scale) => scale * input.scale);
      inputs.push(
        this.#dequantizedConstant(
          this.#constant(`${bias}_integers`, 'int32', [scales.length], integers.bias),
          this.#constant(`${bias}_scale`, 'float32', [scales.length], products),
          undefined,
          0,
        ),
      );
    }
    // A runtime has integers for a convolution from integers to integers, and for a dense layer also to floats.
    if (isConv || this.#isWanted(this.#clipped(node).output[0]!)) this.#emitQuantized(node, inputs);
    else this.#emit(node, inputs);
  }

  /**
   * The node itself, or the ReLU or ReLU6 that alone follows it: where 0 is the least step and the largest number that was
   * seen is the last one, quantizing is as much.
   */
  #clipped(node: OnnxNode): OnnxNode {
    return this.#onlyConsumer(node, 'Relu') ?? this.#onlyConsumer(node, 'Clip') ?? node;
  }

  /** Whether something that follows takes a value as 8-bit integers. */
  #isWanted(value: string): boolean {
    return (this.#consumers.get(value) ?? []).some(
      ({ opType, input, output }) =>
        ((opType === 'Conv' || opType === 'Gemm') && this.#constants.has(input[1]!)) ||
        (MOVING.includes(opType) && this.#isWanted(output[0]!)),
    );
  }

  #emitQuantized(node: OnnxNode, inputs: readonly string[]): void {
    const last = this.#clipped(node);
    const [value] = last.output;
    this.#emit(node, inputs);
    if (last !== node) {
      this.#absorbed.add(last);
      this.#floats.set(value!, node.output[0]!);
    }
    this.#quantize(value!);
    // Whoever takes the value now takes the integers.
    this.#floats.delete(value!);
  }

  #move(node: OnnxNode): void {
    const input = this.#quantized.get(node.input[0]!)!;
    const [name = ''] = node.output;
    this.#nodes.push({
      ...node,
      input: [input.name, ...node.input.slice(1).map((value) => this.#float(value))],
    });
    this.#quantized.set(name, { ...input, name });
  }

  #emit(node: OnnxNode, input: readonly string[]): void {
    this.#nodes.push({ ...node, input });
    for (const value of node.output) this.#floats.set(value, value);
  }

  /** A value as 8-bit integers. */
  #quantize(value: string): Quantized {
    const known = this.#quantized.get(value);
    if (known) return known;
    const quantization = quantizationOf(this.#rangeOf(value));
    const parameters = this.#parameters(value, quantization);
    const name = this.#node('QuantizeLinear', [this.#float(value), ...parameters]);
    const quantized = { name, scale: quantization.scale, parameters };
    this.#quantized.set(value, quantized);
    return quantized;
  }

  /** A value as floats; a constant as it is. */
  #float(value: string): string {
    const constant = this.#constants.get(value);
    if (constant) this.#initializers.set(value, constant);
    const known = this.#floats.get(value);
    if (known !== undefined || !this.#quantized.has(value)) return known ?? value;
    const name = this.#dequantized(value);
    this.#floats.set(value, name);
    return name;
  }

  /** The floats that 8-bit integers stand for. Each taker has its own, as runtimes fuse it into the taker. */
  #dequantized(value: string): string {
    const { name, parameters } = this.#quantized.get(value)!;
    return this.#node('DequantizeLinear', [name, ...parameters]);
  }

  #dequantizedConstant(integers: string, scale: string, zero: string | undefined, axis: number): string {
    return this.#node('DequantizeLinear', [integers, scale, ...(zero === undefined ? [] : [zero])], axis);
  }

  #parameters(value: string, { scale, zeroPoint }: Quantization): string[] {
    return [
      this.#constant(`${value}_scale`, 'float32', [], Float32Array.of(scale)),
      this.#constant(`${value}_zero`, 'uint8', [], Uint8Array.of(zeroPoint)),
    ];
  }

  #constant(name: string, type: ElementType, dims: readonly number[], data: ArrayBufferView): string {
    this.#initializers.set(name, tensorOf(name, type, dims, data));
    return name;
  }

  #node(opType: string, input: readonly string[], axis?: number): string {
    const name = `${opType}_${++this.#count}`;
    const attribute = axis === undefined ? [] : [onnxAttribute('axis', axis)];
    this.#nodes.push({ input, output: [name], name, opType, domain: '', attribute });
    return name;
  }

  #onlyConsumer({ output }: OnnxNode, opType: string): OnnxNode | undefined {
    const consumers = this.#consumers.get(output[0]!) ?? [];
    return consumers.length === 1 && consumers[0]!.opType === opType ? consumers[0] : undefined;
  }
}
