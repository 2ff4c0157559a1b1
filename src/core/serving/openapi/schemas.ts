import { z } from 'zod';
import { withoutDoubleBounds } from '../../base/schema/json-schema.js';
import {
  binaryInferRequestSchema,
  binaryTensorParametersSchema,
  binaryTensorSchema,
  inferAnswerSchema,
  inferRequestSchema,
  labelParametersSchema,
  modelMetadataSchema,
  modelReadySchema,
  outputTensorSchema,
  probabilitiesParametersSchema,
  protocolErrorSchema,
  protocolLiveSchema,
  protocolReadySchema,
  REQUESTED_OUTPUTS,
  realTensorSchema,
  requestParametersSchema,
  serverMetadataSchema,
  tensorParametersSchema,
  wholeTensorSchema,
} from '../http/oip/schemas.js';
import type { OpenApiSchema } from '../http/route.js';
import {
  answerSchema,
  BATCH_REQUESTS,
  bareFeedbackSchema,
  batchAnswerSchema,
  batchFormSchema,
  batchRequestSchema,
  drawingSchema,
  explainAnswerSchema,
  explainFormSchema,
  explainRequestSchema,
  FEEDBACK_REQUESTS,
  feedbackAnswerSchema,
  feedbackSchema,
  liveSchema,
  modelLabelSchema,
  PICTURES,
  PREDICT_REQUESTS,
  predictAnswerSchema,
  predictFormSchema,
  predictRequestSchema,
  problemSchema,
  readySchema,
  statsSchema,
} from '../request/schemas.js';

/** What requests hold, by the name that the document gives it: the schemas that check them. */
const REQUESTS = {
  PredictRequest: predictRequestSchema,
  ImageRequest: PREDICT_REQUESTS.image,
  PixelsRequest: PREDICT_REQUESTS.pixels,
  DrawingRequest: PREDICT_REQUESTS.drawing,
  Drawing: drawingSchema,
  PredictForm: predictFormSchema,
  BatchRequest: batchRequestSchema,
  ImagesRequest: BATCH_REQUESTS.images,
  PixelsListRequest: BATCH_REQUESTS.pixels,
  DrawingsRequest: BATCH_REQUESTS.drawings,
  BatchForm: batchFormSchema,
  ExplainRequest: explainRequestSchema,
  ImageAlone: PICTURES.image,
  PixelsAlone: PICTURES.pixels,
  DrawingAlone: PICTURES.drawing,
  ExplainForm: explainFormSchema,
  FeedbackRequest: feedbackSchema,
  BareFeedback: bareFeedbackSchema,
  ImageFeedback: FEEDBACK_REQUESTS.image,
  PixelsFeedback: FEEDBACK_REQUESTS.pixels,
  DrawingFeedback: FEEDBACK_REQUESTS.drawing,
  WholeTensor: wholeTensorSchema,
  RealTensor: realTensorSchema,
  BinaryTensor: binaryTensorSchema,
  TensorParameters: tensorParametersSchema,
  BinaryTensorParameters: binaryTensorParametersSchema,
  ProbabilitiesOutput: REQUESTED_OUTPUTS.probabilities,
  ProbabilitiesParameters: probabilitiesParametersSchema,
  LabelOutput: REQUESTED_OUTPUTS.label,
  LabelParameters: labelParametersSchema,
  InferParameters: requestParametersSchema,
  InferRequest: inferRequestSchema,
  BinaryInferRequest: binaryInferRequestSchema,
};

const ANSWERS = {
  ModelLabel: modelLabelSchema,
  Answer: answerSchema,
  PredictAnswer: predictAnswerSchema,
  BatchAnswer: batchAnswerSchema,
  ExplainAnswer: explainAnswerSchema,
  FeedbackAnswer: feedbackAnswerSchema,
  Problem: problemSchema,
  Live: liveSchema,
  Ready: readySchema,
  Stats: statsSchema,
  ServerMetadata: serverMetadataSchema,
  ProtocolLive: protocolLiveSchema,
  ProtocolReady: protocolReadySchema,
  ModelMetadata: modelMetadataSchema,
  ModelReady: modelReadySchema,
  OutputTensor: outputTensorSchema,
  InferAnswer: inferAnswerSchema,
  ProtocolError: protocolErrorSchema,
};

const NAMES: ReadonlyMap<z.ZodType, string> = new Map(
  Object.entries({ ...REQUESTS, ...ANSWERS }).map(([name, schema]) => [schema, name]),
);

/** How the document refers to a message. */
export function refTo(message: z.ZodType): OpenApiSchema {
  const name = NAMES.get(message);
  if (name === undefined) throw new Error('A message of a route has no name in the OpenAPI document.');
  return { $ref: `#/components/schemas/${name}` };
}

/** The schemas of all messages, by name, referring to each other. */
export function componentSchemas(): Record<string, OpenApiSchema> {
  return { ...toOpenApi(REQUESTS, 'input'), ...toOpenApi(ANSWERS, 'output') };
}

/** What a client writes, of a schema that is no message by itself. */
export function inputSchema(schema: z.ZodType): OpenApiSchema {
  return z.toJSONSchema(schema, { io: 'input' }) as OpenApiSchema;
}

function toOpenApi(
  schemas: Readonly<Record<string, z.ZodType>>,
  io: 'input' | 'output',
): Record<string, OpenApiSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const { schemas: written } = z.toJSONSchema(registry, {
    io,
    uri: (id) => `#/components/schemas/${id}`,
    // What is refused beyond is part of what a request may hold.
    ...(io === 'output' && { override: withoutDoubleBounds }),
  });
  return Object.fromEntries(
    Object.entries(written).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema as OpenApiSchema]),
  );
}
