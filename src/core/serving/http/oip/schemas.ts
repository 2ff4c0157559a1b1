/**
 * The messages of the Open Inference Protocol v2 as this server takes and gives them. What a request asks for and no schema
 * here knows is refused by its name: nothing that a client asks for is left out in silence.
 */
import { z } from 'zod';

/** The one input that a model has. */
export const INPUT_NAME = 'images';

/** What may be left out; clients that have no other word for that send null. */
function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** Its length is checked with the rest, where the expected shape is known. */
const shape = z.array(z.int().gte(1)).meta({
  minItems: 4,
  maxItems: 4,
  description: '[N, height, width, channels] of the model; N is at most serve.maxBatch.',
});

/** Row-major numbers. Checked by hand: a schema library takes longer on a thousand numbers than the model does. */
function numbers(pixel: object) {
  const list = (items: object) => ({ type: 'array', minItems: 1, items });
  return z.unknown().meta({
    description: 'Row-major, flat or nested as the shape.',
    anyOf: [list(pixel), list(list(list(list(pixel))))],
  });
}

/** Of a tensor in JSON there are none. */
export const tensorParametersSchema = z.strictObject({ binary_data_size: z.null().optional() });
export const binaryTensorParametersSchema = z.strictObject({
  binary_data_size: z.int().gte(0).describe('The bytes of the tensor, behind the JSON.'),
});

const tensor = {
  name: z.literal(INPUT_NAME),
  shape,
  parameters: optional(tensorParametersSchema),
};

const namesOf = <T extends object>(types: T) => Object.keys(types) as [keyof T, ...(keyof T)[]];

const WHOLE = {
  UINT8: { bytes: 1, read: (view, offset) => view.getUint8(offset) },
  UINT16: { bytes: 2, read: (view, offset) => view.getUint16(offset, true) },
  UINT32: { bytes: 4, read: (view, offset) => view.getUint32(offset, true) },
  UINT64: { bytes: 8, read: (view, offset) => Number(view.getBigUint64(offset, true)) },
  INT16: { bytes: 2, read: (view, offset) => view.getInt16(offset, true) },
  INT32: { bytes: 4, read: (view, offset) => view.getInt32(offset, true) },
  INT64: { bytes: 8, read: (view, offset) => Number(view.getBigInt64(offset, true)) },
} as const satisfies Record<string, Datatype>;
/** The datatypes of the protocol that pictures can be sent in: all of numbers up to 255 that JavaScript can read. */
const WHOLE_DATATYPES = namesOf(WHOLE);

/** A tensor of whole numbers. */
export const wholeTensorSchema = z.strictObject({
  ...tensor,
  datatype: z.enum(WHOLE_DATATYPES),
  data: numbers({ type: 'integer', minimum: 0, maximum: 255 }),
});

const REAL = {
  FP32: { bytes: 4, read: (view, offset) => view.getFloat32(offset, true) },
  FP64: { bytes: 8, read: (view, offset) => view.getFloat64(offset, true) },
} as const satisfies Record<string, Datatype>;
const REAL_DATATYPES = namesOf(REAL);

/** A tensor of numbers that may have fractions; they are rounded. */
export const realTensorSchema = z.strictObject({
  ...tensor,
  datatype: z.enum(REAL_DATATYPES),
  data: numbers({ type: 'number', minimum: 0, maximum: 255 }),
});
/** A tensor whose numbers are bytes behind the JSON. */
export const binaryTensorSchema = z.strictObject({
  ...tensor,
  datatype: z.enum([...WHOLE_DATATYPES, ...REAL_DATATYPES]),
  parameters: binaryTensorParametersSchema,
  data: z.null().optional(),
});

const binaryData = optional(z.boolean()).describe(
  'Whether the output comes as bytes behind the JSON; by default as binary_data_output says.',
);
export const labelParametersSchema = z.strictObject({ binary_data: binaryData });
export const probabilitiesParametersSchema = z.strictObject({
  binary_data: binaryData,
  classification: optional(z.int().gte(1)).describe(
    'So many of the most probable classes, all at most, as texts "probability:index:label".',
  ),
});
/** The outputs that may be asked for. */
export const REQUESTED_OUTPUTS = {
  probabilities: z.strictObject({
    name: z.literal('probabilities'),
    parameters: optional(probabilitiesParametersSchema),
  }),
  label: z.strictObject({ name: z.literal('label'), parameters: optional(labelParametersSchema) }),
};

export const requestParametersSchema = z.strictObject({
  binary_data_output: optional(z.boolean()).describe('Whether all outputs come as bytes.'),
});

function requestSchema<T extends z.ZodType>(input: T) {
  return z.strictObject({
    id: optional(z.string()).describe('Comes back in the answer.'),
    model_name: optional(z.string()).describe('Has to be that of the path.'),
    parameters: optional(requestParametersSchema),
    inputs: z.array(input).length(1),
    outputs: optional(
      z.array(z.discriminatedUnion('name', [REQUESTED_OUTPUTS.probabilities, REQUESTED_OUTPUTS.label])),
    ).describe('By default all.'),
  });
}

/** A request with its numbers in the JSON. */
export const inferRequestSchema = requestSchema(
  z.discriminatedUnion('datatype', [wholeTensorSchema, realTensorSchema]),
);
/** The JSON of a request whose numbers are bytes behind it. */
export const binaryInferRequestSchema = requestSchema(binaryTensorSchema);

export type InferRequest = z.output<typeof inferRequestSchema> | z.output<typeof binaryInferRequestSchema>;
export type InputTensor = InferRequest['inputs'][number];

export const outputTensorSchema = z.object({
  name: z.enum(['probabilities', 'label']),
  shape: z.array(z.int().gte(0)),
  datatype: z.enum(['FP32', 'BYTES']),
  parameters: z.object({ binary_data_size: z.int().gte(0) }).optional(),
  data: z.array(z.union([z.number(), z.string()])).optional(),
});
export type OutputTensor = z.output<typeof outputTensorSchema>;

export const inferAnswerSchema = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional(),
  outputs: z.array(outputTensorSchema),
});
export type InferAnswer = z.output<typeof inferAnswerSchema>;

const tensorMetadata = z.object({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.int()).describe('-1: any number.'),
});

export const modelMetadataSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()).describe('Those that can be asked for by their names.'),
  platform: z.string(),
  inputs: z.array(tensorMetadata),
  outputs: z.array(tensorMetadata),
});
export type ModelMetadata = z.output<typeof modelMetadataSchema>;

export const serverMetadataSchema = z.object({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()),
});

export const protocolLiveSchema = z.object({ live: z.literal(true) });
export const protocolReadySchema = z.object({ live: z.literal(true), ready: z.literal(true) });
export const modelReadySchema = z.object({ name: z.string(), ready: z.literal(true) });

export const protocolErrorSchema = z.object({
  error: z.string(),
  code: z
    .string()
    .regex(/^ROBLE_[A-Z_]+$/)
    .describe('Stays the same between versions; docs/errors.md lists all.'),
});

interface Datatype {
  /** Of one number. */
  readonly bytes: number;
  /** Little-endian, as the binary extension of the protocol has it. */
  readonly read: (view: DataView, offset: number) => number;
}

const DATATYPES = { ...WHOLE, ...REAL };
export type NumberDatatype = keyof typeof DATATYPES;

export function isWhole(datatype: NumberDatatype): boolean {
  return datatype in WHOLE;
}

/** Bytes of one number. */
export function byteWidth(datatype: NumberDatatype): number {
  return DATATYPES[datatype].bytes;
}

/** The numbers in some bytes. */
export function* readNumbers(datatype: NumberDatatype, bytes: Uint8Array): Generator<number> {
  const { bytes: width, read } = DATATYPES[datatype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset < bytes.byteLength; offset += width) yield read(view, offset);
}
