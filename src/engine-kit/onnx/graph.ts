import protobuf from 'protobufjs/light.js';

/** The name of a value in the graph. */
export type Value = string;
export type Attributes = Readonly<Record<string, number | string | readonly number[]>>;

/** The runtime's own operators on channels in blocks; see lowerings/layouts.ts. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';

const OPSET = 17;
const IR_VERSION = 8;

interface Node {
  readonly input: readonly Value[];
  readonly output: readonly Value[];
  readonly name: string;
  readonly opType: string;
  readonly domain?: string;
  readonly attribute?: readonly unknown[];
}

/** Writes an ONNX graph, node by node. Equal constants are stored once. */
export class GraphBuilder {
  readonly #nodes: Node[] = [];
  /** What nodes give, and not inputs or constants. */
  readonly #computed = new Set<Value>();
  /** The names of outputs, by their values. */
  readonly #given = new Map<Value, string>();
  readonly #initializers: unknown[] = [];
  readonly #inputs = new Map<string, unknown>();
  readonly #outputs: unknown[] = [];
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
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
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
    const rawData = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    this.#initializers.push({ name, dims: [...dims], dataType: ELEMENT_TYPES[type], rawData });
    this.#constants.set(key, name);
    return name;
  }
}

/** ONNX tells 1 from 1.0; of the operators used here only these attributes are floats. */
const FLOAT_ATTRIBUTES = new Set(['epsilon', 'alpha', 'beta', 'activation_params']);

function attribute(name: string, value: number | string | readonly number[]): Record<string, unknown> {
  if (typeof value === 'string')
    return { name, type: ATTRIBUTE_TYPES.string, s: new TextEncoder().encode(value) };
  const isFloat = FLOAT_ATTRIBUTES.has(name);
  if (typeof value === 'number')
    return isFloat
      ? { name, type: ATTRIBUTE_TYPES.float, f: value }
      : { name, type: ATTRIBUTE_TYPES.int, i: value };
  return isFloat
    ? { name, type: ATTRIBUTE_TYPES.floats, floats: [...value] }
    : { name, type: ATTRIBUTE_TYPES.ints, ints: [...value] };
}

function valueInfo(name: string, type: ElementType, shape: readonly (number | string)[]) {
  const dim = shape.map((side) => (typeof side === 'number' ? { dimValue: side } : { dimParam: side }));
  return { name, type: { tensorType: { elemType: ELEMENT_TYPES[type], shape: { dim } } } };
}

/** Element types of ONNX tensors, by their numbers in the format. */
const ELEMENT_TYPES = { float32: 1, uint8: 2, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

/** Kinds of ONNX attributes, by their numbers in the format. */
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;

const field = (id: number, type: string) => ({ id, type });
const many = (id: number, type: string) => ({ id, type, rule: 'repeated' });

/** The part of the ONNX format (version 8 of its representation) that roble writes. */
const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: field(1, 'int64'),
        producerName: field(2, 'string'),
        graph: field(7, 'Graph'),
        opsetImport: many(8, 'OperatorSet'),
        metadataProps: many(14, 'StringEntry'),
      },
    },
    OperatorSet: { fields: { domain: field(1, 'string'), version: field(2, 'int64') } },
    StringEntry: { fields: { key: field(1, 'string'), value: field(2, 'string') } },
    Graph: {
      fields: {
        node: many(1, 'Node'),
        name: field(2, 'string'),
        initializer: many(5, 'Tensor'),
        input: many(11, 'ValueInfo'),
        output: many(12, 'ValueInfo'),
      },
    },
    Node: {
      fields: {
        input: many(1, 'string'),
        output: many(2, 'string'),
        name: field(3, 'string'),
        opType: field(4, 'string'),
        attribute: many(5, 'Attribute'),
        domain: field(7, 'string'),
      },
    },
    Attribute: {
      fields: {
        name: field(1, 'string'),
        f: field(2, 'float'),
        i: field(3, 'int64'),
        s: field(4, 'bytes'),
        floats: { ...many(7, 'float'), options: { packed: false } },
        ints: { ...many(8, 'int64'), options: { packed: false } },
        type: field(20, 'int32'),
      },
    },
    Tensor: {
      fields: {
        dims: { ...many(1, 'int64'), options: { packed: false } },
        dataType: field(2, 'int32'),
        name: field(8, 'string'),
        rawData: field(9, 'bytes'),
      },
    },
    ValueInfo: { fields: { name: field(1, 'string'), type: field(2, 'Type') } },
    Type: { fields: { tensorType: field(1, 'TensorType') } },
    TensorType: { fields: { elemType: field(1, 'int32'), shape: field(2, 'Shape') } },
    Shape: { fields: { dim: many(1, 'Dimension') } },
    Dimension: { fields: { dimValue: field(1, 'int64'), dimParam: field(2, 'string') } },
  },
});
const Model = root.lookupType('Model');

/** An ONNX model as bytes; `model` has the field names above. */
function encodeModel(model: Record<string, unknown>): Uint8Array {
  return Model.encode(Model.fromObject(model)).finish();
}
