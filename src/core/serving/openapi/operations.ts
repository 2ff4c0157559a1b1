import { formFieldsSchema, predictQuerySchema } from '../request-schemas.js';
import { PRIORITIES } from '../urgency.js';
import { inputSchema, type OpenApiSchema, refTo, type SchemaName } from './schemas.js';

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'header' | 'path';
  readonly description: string;
  readonly schema: OpenApiSchema;
}

/** Schemas by content type. */
type Content = Readonly<Record<string, OpenApiSchema>>;

/** One path with one method, as the document describes it. */
export interface Operation {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly group: 'Predictions' | 'State' | 'Open Inference Protocol v2' | 'Description';
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly body?: Content;
  readonly answer: Content;
  /** Of the answer; by default 200. */
  readonly status?: number;
  /** Statuses of errors. */
  readonly errors: readonly number[];
  readonly error: Content;
}

const json = (name: SchemaName): Content => ({ 'application/json': refTo(name) });
const problem: Content = { 'application/problem+json': refTo('Problem') };
const protocolError = json('ProtocolError');
const bytes: OpenApiSchema = { type: 'string', contentMediaType: 'application/octet-stream' };

const requestId: Parameter = {
  name: 'x-request-id',
  in: 'header',
  description:
    'Names the request in answers and logs: up to 128 letters, digits and .:@/+=_-; by default a new one.',
  schema: { type: 'string' },
};
const urgency: readonly Parameter[] = [
  requestId,
  {
    name: 'traceparent',
    in: 'header',
    description: 'The trace that the request is part of (W3C).',
    schema: { type: 'string' },
  },
  {
    name: 'x-timeout-ms',
    in: 'header',
    description: 'After so many milliseconds the answer is of no use; at most serve.requestTimeoutMs.',
    schema: { type: 'integer' },
  },
  {
    name: 'x-priority',
    in: 'header',
    description: 'Whose images leave the queue first.',
    schema: { type: 'string', enum: PRIORITIES },
  },
];
const stickyKey: Parameter = {
  name: 'x-sticky-key',
  in: 'header',
  description: 'Names the client: during a canary it gets the same version always. By default its address.',
  schema: { type: 'string' },
};
/** For every form of body. */
const query = Object.entries(inputSchema(predictQuerySchema).properties ?? {}).map(
  ([name, { description = '', ...schema }]): Parameter => ({ name, in: 'query', description, schema }),
);
const modelName: Parameter = {
  name: 'name',
  in: 'path',
  description: 'Name of the model.',
  schema: { type: 'string' },
};
const modelVersion: Parameter = {
  name: 'version',
  in: 'path',
  description:
    'Name of the version, or digest of its bundle; 1 where versions have no names: the one that is served.',
  schema: { type: 'string' },
};

/** Where keys are asked for, or limits are set. */
const ACCESS_ERRORS = [401, 403, 429];
const PREDICTION_ERRORS = [400, 401, 403, 404, 413, 415, 422, 429, 500, 502, 503, 504];

function pictures(files: OpenApiSchema, request: SchemaName): Content {
  return {
    'image/*': bytes,
    'application/octet-stream': bytes,
    'multipart/form-data': {
      type: 'object',
      properties: inputSchema(formFieldsSchema).properties ?? {},
      additionalProperties: files,
    },
    ...json(request),
  };
}

const PREDICTIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/predict',
    group: 'Predictions',
    summary: 'Classifies one image.',
    parameters: [...query, ...urgency, stickyKey],
    body: pictures(bytes, 'PredictRequest'),
    answer: json('PredictAnswer'),
    errors: PREDICTION_ERRORS,
    error: problem,
  },
  {
    method: 'post',
    path: '/predict/batch',
    group: 'Predictions',
    summary: 'Classifies several images; one that is at fault is told so in its place.',
    parameters: [...query, ...urgency, stickyKey],
    body: pictures({ anyOf: [bytes, { type: 'array', items: bytes }] }, 'BatchRequest'),
    answer: json('BatchAnswer'),
    errors: PREDICTION_ERRORS,
    error: problem,
  },
  {
    method: 'post',
    path: '/feedback',
    group: 'Predictions',
    summary: 'Tells the right class of an image that was answered.',
    parameters: urgency,
    body: json('FeedbackRequest'),
    answer: json('FeedbackAnswer'),
    status: 201,
    errors: [400, 401, 403, 404, 413, 415, 422, 429, 500, 501, 503, 504],
    error: problem,
  },
];

/** A path that takes nothing. */
function look(
  group: Operation['group'],
  path: string,
  summary: string,
  answer: Content,
  errors: readonly number[] = [],
  more: Partial<Operation> = {},
): Operation {
  return { method: 'get', path, group, summary, answer, errors, error: problem, ...more };
}

const STATES: readonly Operation[] = [
  look('State', '/stats', 'Counts, latencies, queue, processes and the model.', json('Stats'), ACCESS_ERRORS),
  look('State', '/health/live', 'Answers while the process lives.', json('Live')),
  look('State', '/health/ready', 'Whether a prediction would be answered.', json('Ready'), [503]),
];

const text: OpenApiSchema = { type: 'string' };
const html: Content = { 'text/html': text };
const FILES: Content = { 'text/css': text, 'text/javascript': text, 'image/svg+xml': text };
const pageFile: Parameter = {
  name: 'file',
  in: 'path',
  description: 'Name of the file.',
  schema: { type: 'string' },
};
/** These need no key. */
const LIMITED = [429];

const DESCRIPTIONS: readonly Operation[] = [
  look('Description', '/', 'A page to draw on, unless serve.page is off.', html, LIMITED),
  look('Description', '/page/{file}', 'What that page consists of.', FILES, LIMITED, {
    parameters: [pageFile],
  }),
  look(
    'Description',
    '/openapi.json',
    'This description.',
    { 'application/json': { type: 'object' } },
    LIMITED,
  ),
  look('Description', '/docs', 'This description as a page.', html, LIMITED),
  look('Description', '/docs/style.css', 'The style of that page.', { 'text/css': text }, LIMITED),
];

const PROTOCOL = 'Open Inference Protocol v2';

/** The paths of a model, with and without a version. */
function modelPaths(path: string, parameters: readonly Parameter[]): readonly Operation[] {
  const error = { error: protocolError };
  return [
    look(
      PROTOCOL,
      path,
      'The inputs and outputs of the model.',
      json('ModelMetadata'),
      [404, ...ACCESS_ERRORS],
      {
        parameters,
        ...error,
      },
    ),
    look(
      PROTOCOL,
      `${path}/ready`,
      'Whether the model would answer.',
      json('ModelReady'),
      [404, 503, ...ACCESS_ERRORS],
      {
        parameters,
        ...error,
      },
    ),
    {
      method: 'post',
      path: `${path}/infer`,
      group: PROTOCOL,
      summary:
        'Classifies the images of a tensor, which are what the model sees: no conversion. With the header inference-header-content-length the numbers are bytes behind the JSON.',
      parameters: [
        ...parameters,
        ...urgency,
        stickyKey,
        {
          name: 'inference-header-content-length',
          in: 'header',
          description: 'Bytes of JSON before the bytes of the tensors.',
          schema: { type: 'integer' },
        },
      ],
      body: { ...json('InferRequest'), 'application/octet-stream': bytes },
      answer: { ...json('InferAnswer'), 'application/octet-stream': bytes },
      errors: [400, 401, 403, 404, 413, 415, 429, 500, 502, 503, 504],
      ...error,
    },
  ];
}

const PROTOCOLS: readonly Operation[] = [
  look(PROTOCOL, '/v2', 'The name and version of the server.', json('ServerMetadata'), ACCESS_ERRORS, {
    error: protocolError,
  }),
  look(PROTOCOL, '/v2/health/live', 'Answers while the process lives.', json('ProtocolLive')),
  look(PROTOCOL, '/v2/health/ready', 'Whether the server would answer.', json('ProtocolReady'), [503], {
    error: protocolError,
  }),
  ...modelPaths('/v2/models/{name}', [modelName]),
  ...modelPaths('/v2/models/{name}/versions/{version}', [modelName, modelVersion]),
];

/** All that the server answers to, the administration aside, which listens elsewhere. */
export const OPERATIONS: readonly Operation[] = [...PREDICTIONS, ...STATES, ...PROTOCOLS, ...DESCRIPTIONS];
