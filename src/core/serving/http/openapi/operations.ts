import { isHealthPath, scopesOfPath } from '../../access/authorize.js';
import { predictQuerySchema } from '../../request/schemas.js';
import { PRIORITIES } from '../../request/urgency.js';
import { JSON_LENGTH_HEADER } from '../oip/infer-messages.js';
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
  /** Whether a client that has the answer already is told so: 304. */
  readonly isKept?: boolean;
  /** Statuses of errors that this operation has by itself; {@link errorsOf} gives all of them. */
  readonly errors: readonly number[];
  readonly error: Content;
}

const json = (name: SchemaName): Content => ({ 'application/json': refTo(name) });
export const problem: Content = { 'application/problem+json': refTo('Problem') };
const protocolError = json('ProtocolError');
/** As generators of clients know bytes. */
const bytes: OpenApiSchema = {
  type: 'string',
  format: 'binary',
  contentMediaType: 'application/octet-stream',
};

/** Told before the server knows what is asked for: a request that is slow, expects too much, or has a large head. */
export const HEAD_ERRORS: readonly number[] = [408, 417, 431];
/** Malformed, or the server's own fault. */
const ANY_ERRORS = [400, 500];

/** All statuses of errors that an operation can answer with. */
export function errorsOf({ path, errors }: Operation): number[] {
  const access = [...(scopesOfPath(path) ? [401, 403] : []), ...(isHealthPath(path) ? [] : [429])];
  return [...new Set([...ANY_ERRORS, ...HEAD_ERRORS, ...access, ...errors])].sort((a, b) => a - b);
}

const header = (name: string, description: string, schema: OpenApiSchema): Parameter => ({
  name,
  in: 'header',
  description,
  schema,
});
const text: OpenApiSchema = { type: 'string' };

const urgency: readonly Parameter[] = [
  header(
    'x-request-id',
    'Names the request in answers and logs: up to 128 letters, digits and .:@/+=_-; by default, and for any other, a new one.',
    text,
  ),
  header(
    'x-timeout-ms',
    'After so many milliseconds the answer is of no use; at most serve.requestTimeoutMs.',
    { type: 'integer', minimum: 1 },
  ),
  header('x-priority', 'Whose images leave the queue first.', { type: 'string', enum: PRIORITIES }),
  header('traceparent', 'The trace that the request belongs to (W3C Trace Context).', text),
];
const sticky = header(
  'x-sticky-key',
  'Requests with the same one go to the same version while there is a canary; by default, those of one address.',
  text,
);
const known = header('if-none-match', 'The etag of what the client has.', text);
/** For every form of body. */
const query = Object.entries(inputSchema(predictQuerySchema).properties ?? {}).map(
  ([name, { description = '', ...schema }]): Parameter => ({ name, in: 'query', description, schema }),
);
const modelName: Parameter = {
  name: 'name',
  in: 'path',
  description: 'Name of the model.',
  schema: text,
};
const modelVersion: Parameter = {
  name: 'version',
  in: 'path',
  description:
    'Name of the version, or digest of its bundle; 1 where versions have no names: the one that is served.',
  schema: text,
};

const PREDICTION_ERRORS = [404, 413, 415, 422, 502, 503, 504];

function pictures(form: SchemaName, request: SchemaName): Content {
  return {
    ...json(request),
    'application/octet-stream': bytes,
    'image/*': bytes,
    'multipart/form-data': refTo(form),
  };
}

const PREDICTIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/predict',
    group: 'Predictions',
    summary: 'Classifies one image.',
    parameters: [...query, ...urgency, sticky],
    body: pictures('PredictForm', 'PredictRequest'),
    answer: json('PredictAnswer'),
    errors: PREDICTION_ERRORS,
    error: problem,
  },
  {
    method: 'post',
    path: '/predict/batch',
    group: 'Predictions',
    summary: 'Classifies several images; one that is at fault is told so in its place.',
    parameters: [...query, ...urgency, sticky],
    body: pictures('BatchForm', 'BatchRequest'),
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
    errors: [404, 413, 415, 422, 501, 503, 504],
    error: problem,
  },
];

/** A path that takes nothing. */
function look(
  group: Operation['group'],
  path: string,
  summary: string,
  answer: Content,
  more: Partial<Operation> = {},
): Operation {
  return { method: 'get', path, group, summary, answer, errors: [], error: problem, ...more };
}

const STATES: readonly Operation[] = [
  look('State', '/stats', 'Counts, latencies, queue, processes and the model.', json('Stats')),
  look('State', '/health/live', 'Answers while the process lives.', json('Live')),
  look('State', '/health/ready', 'Whether a prediction would be answered.', json('Ready'), { errors: [503] }),
];

const html: Content = { 'text/html': text };
const FILES: Content = { 'text/css': text, 'text/javascript': text, 'image/svg+xml': text };
const pageFile: Parameter = {
  name: 'file',
  in: 'path',
  description: 'Name of the file.',
  schema: text,
};
const pageOptions = { parameters: [known], isKept: true, errors: [404] };

const DESCRIPTIONS: readonly Operation[] = [
  look('Description', '/', 'A page to draw on, unless serve.page is off.', html, pageOptions),
  look('Description', '/page/{file}', 'What that page consists of.', FILES, {
    ...pageOptions,
    parameters: [pageFile, known],
  }),
  look('Description', '/openapi.json', 'This description.', { 'application/json': { type: 'object' } }),
  look('Description', '/docs', 'This description as a page.', html),
  look('Description', '/docs/style.css', 'The style of that page.', { 'text/css': text }),
];

const PROTOCOL = 'Open Inference Protocol v2';

/** The paths of a model, with and without a version. */
function modelPaths(path: string, parameters: readonly Parameter[]): readonly Operation[] {
  const error = { error: protocolError };
  return [
    look(PROTOCOL, path, 'The inputs and outputs of the model.', json('ModelMetadata'), {
      parameters,
      errors: [404],
      ...error,
    }),
    look(PROTOCOL, `${path}/ready`, 'Whether the model would answer.', json('ModelReady'), {
      parameters,
      errors: [404, 503],
      ...error,
    }),
    {
      method: 'post',
      path: `${path}/infer`,
      group: PROTOCOL,
      summary:
        'Classifies the images of a tensor, which are what the model sees: no conversion. Bytes are a BinaryInferRequest with its tensor behind it, or, where the header is 0, one picture.',
      parameters: [
        ...parameters,
        ...urgency,
        sticky,
        header(JSON_LENGTH_HEADER, 'Bytes of JSON before the bytes of the tensor.', {
          type: 'integer',
          minimum: 0,
        }),
      ],
      body: { ...json('InferRequest'), 'application/octet-stream': bytes },
      answer: { ...json('InferAnswer'), 'application/octet-stream': bytes },
      errors: [404, 413, 415, 502, 503, 504],
      ...error,
    },
  ];
}

const PROTOCOLS: readonly Operation[] = [
  ...['/v2', '/v2/'].map((path) =>
    look(PROTOCOL, path, 'The name and version of the server, and its extensions.', json('ServerMetadata'), {
      error: protocolError,
    }),
  ),
  look(PROTOCOL, '/v2/health/live', 'Answers while the process lives.', json('ProtocolLive'), {
    error: protocolError,
  }),
  look(PROTOCOL, '/v2/health/ready', 'Whether the server would answer.', json('ProtocolReady'), {
    errors: [503],
    error: protocolError,
  }),
  ...modelPaths('/v2/models/{name}', [modelName]),
  ...modelPaths('/v2/models/{name}/versions/{version}', [modelName, modelVersion]),
];

/** All that the server answers to, the administration aside, which listens elsewhere. */
export const OPERATIONS: readonly Operation[] = [...PREDICTIONS, ...STATES, ...PROTOCOLS, ...DESCRIPTIONS];
