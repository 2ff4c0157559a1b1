import protobuf from 'protobufjs/light.js';

/** A model in the ONNX format, by the fields that roble writes. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly producerName: string;
  readonly graph: OnnxGraph;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly OnnxTensor[];
  readonly input: readonly OnnxValueInfo[];
  readonly output: readonly OnnxValueInfo[];
}

export interface OnnxNode {
  /** Names of values; an empty one leaves an optional input out. */
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly opType: string;
  readonly domain?: string;
  readonly attribute?: readonly OnnxAttribute[];
}

export interface OnnxAttribute {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
}

/** A constant. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  /** Its numbers, little-endian. */
  readonly rawData: Uint8Array;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      /** Absent: any. */
      readonly shape?: { readonly dim: readonly { dimValue?: number; dimParam?: string }[] };
    };
  };
}

/** A constant of numbers. */
export function tensorOf(
  name: string,
  type: ElementType,
  dims: readonly number[],
  { buffer, byteOffset, byteLength }: ArrayBufferView,
): OnnxTensor {
  return {
    name,
    dims: [...dims],
    dataType: ELEMENT_TYPES[type],
    rawData: new Uint8Array(buffer, byteOffset, byteLength),
  };
}

/** ONNX tells 1 from 1.0; of the operators used here only these attributes are floats. */
const FLOAT_ATTRIBUTES = new Set(['epsilon', 'alpha', 'beta', 'activation_params']);

/** An attribute of a node. */
export function onnxAttribute(name: string, value: number | string | readonly number[]): OnnxAttribute {
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

/** What an input or an output is; a side that is a text may be any number. */
export function valueInfo(
  name: string,
  type: ElementType,
  shape: readonly (number | string)[],
): OnnxValueInfo {
  const dim = shape.map((side) => (typeof side === 'number' ? { dimValue: side } : { dimParam: side }));
  return { name, type: { tensorType: { elemType: ELEMENT_TYPES[type], shape: { dim } } } };
}

/** Element types of ONNX tensors, by their numbers in the format. */
export const ELEMENT_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const;
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

/** An ONNX model as bytes. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return Model.encode(Model.fromObject(model)).finish();
}

/**
 * An ONNX model that roble wrote; undefined where the bytes hold more than roble writes, so that nothing is lost when what
 * was read is written again.
 */
export function decodeModel(bytes: Uint8Array): OnnxModel | undefined {
  try {
    const model = Model.toObject(Model.decode(bytes), { longs: Number, arrays: true }) as OnnxModel;
    return Buffer.from(encodeModel(model)).equals(bytes) ? model : undefined;
  } catch {
    return undefined;
  }
}
