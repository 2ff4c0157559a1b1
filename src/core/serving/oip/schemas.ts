/** The messages of the Open Inference Protocol v2. Unknown keys are left alone, as the protocol wants it. */
import { z } from 'zod';

const parameters = z.record(z.string(), z.unknown()).optional();

/** A tensor in a request. Its numbers are in `data`, or in the bytes behind the JSON (`binary_data_size`). */
export const inputTensorSchema = z.looseObject({
  name: z.string(),
  shape: z.array(z.int().gte(0)),
  datatype: z.string(),
  parameters: z.looseObject({ binary_data_size: z.int().gte(0).optional() }).optional(),
  data: z
    .unknown()
    .optional()
    .meta({ type: 'array', items: {}, description: 'Row-major numbers, flat or nested as the shape.' }),
});
export type InputTensor = z.output<typeof inputTensorSchema>;

export const inferRequestSchema = z.looseObject({
  id: z.string().optional().describe('Comes back in the answer.'),
  parameters: z.looseObject({ binary_data_output: z.boolean().optional() }).optional(),
  inputs: z.array(inputTensorSchema),
  outputs: z
    .array(
      z.looseObject({
        name: z.string(),
        parameters: z.looseObject({ binary_data: z.boolean().optional() }).optional(),
      }),
    )
    .optional()
    .describe('By default all.'),
});
export type InferRequest = z.output<typeof inferRequestSchema>;

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
  parameters,
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
  versions: z.array(z.string()),
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
export const protocolReadySchema = z.object({ ready: z.literal(true) });
export const modelReadySchema = z.object({ name: z.string(), ready: z.literal(true) });

export const protocolErrorSchema = z.object({
  error: z.string(),
  code: z
    .string()
    .regex(/^ROBLE_[A-Z_]+$/)
    .describe('Stays the same between versions; docs/errors.md lists all.'),
});
