import protobuf from 'protobufjs/light.js';

/** Element types of ONNX tensors, by their numbers in the format. */
export const ELEMENT_TYPES = { float32: 1, uint8: 2, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

/** Kinds of ONNX attributes, by their numbers in the format. */
export const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;

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
export function encodeModel(model: Record<string, unknown>): Uint8Array {
  return Model.encode(Model.fromObject(model)).finish();
}
