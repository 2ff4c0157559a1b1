import protobuf from 'protobufjs/light.js';
import { RobleError } from '../../base/errors.js';
import { formatBytes, formatCount } from '../../base/text/text.js';

/** A model in the ONNX format, by the fields that computing it needs: documentation is left out. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion?: string;
  readonly graph: OnnxGraph;
  readonly opsetImport: readonly { readonly domain?: string; readonly version: number }[];
  readonly metadataProps: readonly StringEntry[];
  /** Operators made of others, which `readModel` refuses. */
  readonly functions?: readonly object[];
}

export interface StringEntry {
  readonly key: string;
  readonly value: string;
}

export interface OnnxGraph {
  readonly name: string;
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly OnnxTensor[];
  readonly input: readonly OnnxValueInfo[];
  readonly output: readonly OnnxValueInfo[];
  /** What the writer knew of values between nodes. */
  readonly valueInfo?: readonly OnnxValueInfo[];
  /** Constants that are mostly zeros, which `readModel` refuses. */
  readonly sparseInitializer?: readonly object[];
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
  readonly t?: OnnxTensor;
  readonly g?: OnnxGraph;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
  readonly strings?: readonly Uint8Array[];
  readonly tensors?: readonly OnnxTensor[];
  readonly graphs?: readonly OnnxGraph[];
}

/** A constant; its numbers are in one of the fields after `dataType`. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  /** Little-endian; where it is absent, the field of the type has them. */
  readonly rawData?: Uint8Array;
  readonly floatData?: readonly number[];
  /** Also of smaller integers, truth values, and 16-bit floats by their bits. */
  readonly int32Data?: readonly number[];
  readonly stringData?: readonly Uint8Array[];
  readonly int64Data?: readonly number[];
  readonly doubleData?: readonly number[];
  readonly uint64Data?: readonly number[];
  /** Where in another file the numbers are. */
  readonly externalData?: readonly StringEntry[];
  /** 1: in another file. */
  readonly dataLocation?: number;
}

export interface OnnxValueInfo {
  readonly name: string;
  /** Absent: not known. */
  readonly type?: {
    /** Absent: a list, a map, or something else that is no tensor. */
    readonly tensorType?: {
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

/** Element types of ONNX tensors, by their numbers in the format; of all of them, those that pictures and networks have. */
export const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
} as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

/** Kinds of ONNX attributes, by their numbers in the format. */
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;

const field = (id: number, type: string) => ({ id, type });
const many = (id: number, type: string) => ({ id, type, rule: 'repeated' });

/**
 * The ONNX format (versions 3 to 11 of its representation) without documentation, training, quantization of others, and
 * values that are no tensors.
 */
const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: field(1, 'int64'),
        producerName: field(2, 'string'),
        producerVersion: field(3, 'string'),
        graph: field(7, 'Graph'),
        opsetImport: many(8, 'OperatorSet'),
        metadataProps: many(14, 'StringEntry'),
        functions: many(25, 'Unread'),
      },
    },
    Unread: { fields: {} },
    OperatorSet: { fields: { domain: field(1, 'string'), version: field(2, 'int64') } },
    StringEntry: { fields: { key: field(1, 'string'), value: field(2, 'string') } },
    Graph: {
      fields: {
        node: many(1, 'Node'),
        name: field(2, 'string'),
        initializer: many(5, 'Tensor'),
        input: many(11, 'ValueInfo'),
        output: many(12, 'ValueInfo'),
        valueInfo: many(13, 'ValueInfo'),
        sparseInitializer: many(15, 'Unread'),
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
        t: field(5, 'Tensor'),
        g: field(6, 'Graph'),
        floats: { ...many(7, 'float'), options: { packed: false } },
        ints: { ...many(8, 'int64'), options: { packed: false } },
        strings: many(9, 'bytes'),
        tensors: many(10, 'Tensor'),
        graphs: many(11, 'Graph'),
        type: field(20, 'int32'),
      },
    },
    Tensor: {
      fields: {
        dims: { ...many(1, 'int64'), options: { packed: false } },
        dataType: field(2, 'int32'),
        floatData: many(4, 'float'),
        int32Data: many(5, 'int32'),
        stringData: many(6, 'bytes'),
        int64Data: many(7, 'int64'),
        name: field(8, 'string'),
        rawData: field(9, 'bytes'),
        doubleData: many(10, 'double'),
        uint64Data: many(11, 'uint64'),
        externalData: many(13, 'StringEntry'),
        dataLocation: field(14, 'int32'),
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

/** Largest file that the format allows. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;
/** Fields of a file: the largest networks have some 100,000. A file of nothing but empty nodes takes 0.3 GB within this. */
const MAX_FIELDS = 500_000;
const MAX_DEPTH = 32;

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
    const model = readModel(bytes);
    const isOurs = model.producerName === 'roble' && Buffer.from(encodeModel(model)).equals(bytes);
    return isOurs ? model : undefined;
  } catch (error) {
    if (error instanceof RobleError) return undefined;
    throw error;
  }
}

/**
 * An ONNX model that anybody wrote. The numbers of its constants stay where they are, in `bytes`. What is read takes no more
 * memory than a few times the file, or {@link MAX_FIELDS} allow, whatever the bytes are.
 *
 * @throws {RobleError} `ROBLE_ONNX_INVALID`
 */
export function readModel(bytes: Uint8Array): OnnxModel {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length > MAX_MODEL_BYTES)
    throw invalidOnnx(`it is larger than ${formatBytes(MAX_MODEL_BYTES)}.`);
  let model: OnnxModel;
  try {
    checkFields(Model, protobuf.Reader.create(buffer), buffer.length, {
      fields: MAX_FIELDS,
      depth: MAX_DEPTH,
    });
    model = Model.toObject(Model.decode(buffer), { longs: Number, arrays: true }) as OnnxModel;
  } catch (cause) {
    if (cause instanceof RobleError) throw cause;
    throw invalidOnnx('it is no ONNX file, or a part of it is missing.', { cause });
  }
  if (!model.graph) throw invalidOnnx('it holds no graph.');
  return model;
}

export function invalidOnnx(
  received: string,
  details: { readonly cause?: unknown; readonly nextSteps?: readonly string[] } = {},
): RobleError {
  return new RobleError('ROBLE_ONNX_INVALID', `The file cannot be read as an ONNX model: ${received}`, {
    expected: 'a whole ONNX model with its weights in one file',
    ...details,
  });
}

interface Allowance {
  fields: number;
  readonly depth: number;
}

/** Refuses floods before anything is made of them: a field of two bytes may become an object of hundreds. */
function checkFields(
  type: protobuf.Type,
  reader: protobuf.Reader,
  end: number,
  allowed: Allowance,
  depth = 0,
): void {
  if (depth > allowed.depth)
    throw invalidOnnx(`its graphs lie in each other more than ${allowed.depth} deep.`);
  while (reader.pos < end) {
    const tag = reader.uint32();
    const [wire, known] = [tag & 7, type.fieldsById[tag >>> 3]?.resolve()];
    allowed.fields -= 1;
    if (wire === LENGTH) {
      const length = reader.uint32();
      const inner = reader.pos + length;
      if (inner > end) throw new RangeError('A field is longer than what it lies in.');
      if (known?.resolvedType instanceof protobuf.Type)
        checkFields(known.resolvedType, reader, inner, allowed, depth + 1);
      // Each byte may be a number, which becomes an object on the way.
      else if (known?.repeated && VARINTS.has(known.type)) allowed.fields -= length;
      reader.pos = inner;
    } else if (wire === GROUP || wire === GROUP_END) throw new RangeError('The format has no groups.');
    else reader.skipType(wire);
    if (allowed.fields < 0) throw invalidOnnx(`it has more than ${formatCount(MAX_FIELDS)} fields.`);
  }
  if (reader.pos !== end) throw new RangeError('A message is longer than what it lies in.');
}

/** Kinds of fields on the wire (protobuf.dev/programming-guides/encoding). */
const [LENGTH, GROUP, GROUP_END] = [2, 3, 4];
const VARINTS = new Set(['int32', 'int64', 'uint64']);
