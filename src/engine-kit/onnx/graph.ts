import {
  type ElementType,
  encodeModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
  onnxAttribute,
  tensorOf,
  valueInfo,
} from '../../core/model/onnx/format.js';

/** The name of a value in the graph. */
export type Value = string;
export type Attributes = Readonly<Record<string, number | string | readonly number[]>>;

/** The runtime's own operators on channels in blocks; see lowerings/layouts.ts. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';

const OPSET = 17;
const IR_VERSION = 8;

/** Writes an ONNX graph, node by node. Equal constants are stored once. */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  /** What nodes give, and not inputs or constants. */
  readonly #computed = new Set<Value>();
  /** The names of outputs, by their values. */
  readonly #given = new Map<Value, string>();
  readonly #initializers: OnnxTensor[] = [];
  readonly #inputs = new Map<string, OnnxValueInfo>();
  readonly #outputs: OnnxValueInfo[] = [];
  readonly #constants = new Map<string, Value>();
  #count = 0;

  /** Adds a node with one output; an empty input name leaves an optional input out. */
  op(type: string, inputs: readonly Value[], attributes: Attributes = {}, domain = ''): Value {
    return this.ops(type, inputs, 1, attributes, domain)[0]!;
  }

  /** Adds a node with several outputs. */
  ops(
    type: string,
    inputs: readonly Value[],
    outputs: number,
    attributes: Attributes = {},
    domain = '',
  ): Value[] {
    const names = Array.from({ length: outputs }, () => this.#name(type));
    for (const name of names) this.#computed.add(name);
    this.#nodes.push({
      input: [...inputs],
      output: names,
      name: names[0]!,
      opType: type,
      domain,
      attribute: Object.entries(attributes).map(([name, value]) => onnxAttribute(name, value)),
    });
    return names;
  }

  /** An input by its name; asked for again, it is the same one. */
  input(name: string, type: ElementType, shape: readonly (number | string)[]): Value {
    if (!this.#inputs.has(name)) this.#inputs.set(name, valueInfo(name, type, shape));
    return name;
  }

  /** Gives a value out under a name, which it has in the model from then on: no copy is made of it. */
  output(value: Value, name: string, type: ElementType, shape: readonly (number | string)[]): void {
    if (this.#computed.has(value) && !this.#given.has(value)) this.#given.set(value, name);
    else this.#nodes.push({ input: [value], output: [name], name: `output_${name}`, opType: 'Identity' });
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** A float32 scalar. */
  float(value: number): Value {
    return this.#constant(`float:${value}`, 'float32', [], Float32Array.of(value));
  }

  /** A vector of int64, as shapes, axes and positions are given. */
  ints(values: readonly number[]): Value {
    return this.#constant(
      `ints:${values.join()}`,
      'int64',
      [values.length],
      BigInt64Array.from(values, BigInt),
    );
  }

  /** A float32 tensor with a key: the same key gives the same constant. */
  tensor(key: string, shape: readonly number[], data: () => Float32Array): Value {
    return this.#constant(`tensor:${key}`, 'float32', shape, data);
  }

  reshape(value: Value, shape: readonly number[]): Value {
    return this.op('Reshape', [value, this.ints(shape)]);
  }

  transpose(value: Value, perm: readonly number[]): Value {
    return this.op('Transpose', [value], { perm });
  }

  /** Sum over `axes`, which disappear. */
  reduceSum(value: Value, axes: readonly number[]): Value {
    return this.op('ReduceSum', [value, this.ints(axes)], { keepdims: 0 });
  }

  slice(
    value: Value,
    starts: readonly number[],
    ends: readonly number[],
    axes: readonly number[],
    steps?: readonly number[],
  ): Value {
    return this.op('Slice', [
      value,
      this.ints(starts),
      this.ints(ends),
      this.ints(axes),
      ...(steps ? [this.ints(steps)] : []),
    ]);
  }

  /** Kernels [O, I, kh, kw] turned by 180 degrees. */
  turn(value: Value, [height, width]: readonly [number, number]): Value {
    return this.slice(value, [-1, -1], [-height - 1, -width - 1], [2, 3], [-1, -1]);
  }

  /** The model in the ONNX format. */
  encode(metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    const usesBlocked = this.#nodes.some(({ domain }) => domain === BLOCKED_DOMAIN);
    const named = (value: Value) => this.#given.get(value) ?? value;
    return encodeModel({
      irVersion: IR_VERSION,
      producerName: 'roble',
      graph: {
        name: 'roble',
        node: this.#nodes.map((node) => ({
          ...node,
          input: node.input.map(named),
          output: node.output.map(named),
        })),
        initializer: this.#initializers,
        input: [...this.#inputs.values()],
        output: this.#outputs,
      },
      opsetImport: [
        { domain: '', version: OPSET },
        ...(usesBlocked ? [{ domain: BLOCKED_DOMAIN, version: 1 }] : []),
      ],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    });
  }

  #name(hint: string): Value {
    return `${hint}_${++this.#count}`;
  }

  #constant(
    key: string,
    type: ElementType,
    dims: readonly number[],
    data: ArrayBufferView | (() => ArrayBufferView),
  ): Value {
    const known = this.#constants.get(key);
    if (known) return known;
    const name = this.#name('constant');
    const view = typeof data === 'function' ? data() : data;
    this.#initializers.push(tensorOf(name, type, dims, view));
    this.#constants.set(key, name);
    return name;
  }
}
