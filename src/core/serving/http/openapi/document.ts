import type { FastifyInstance } from 'fastify';
import { robleVersion } from '../../../base/version.js';
import { scopesOfPath } from '../../access/authorize.js';
import { answerHeaders, componentHeaders } from './headers.js';
import { errorsOf, HEAD_ERRORS, OPERATIONS, type Operation, type Parameter, problem } from './operations.js';
import { componentSchemas, type OpenApiSchema } from './schemas.js';

const STATUS_MEANING: Readonly<Record<number, string>> = {
  400: 'The request is malformed.',
  401: 'A key is needed.',
  403: 'The key does not allow this.',
  404: 'There is no such thing here.',
  408: 'The request did not arrive in time.',
  413: 'The body, a picture or the batch is larger than the limit.',
  415: 'The content type, or its coding, is none that the server takes.',
  417: 'The server cannot do what the header Expect asks for.',
  422: 'A picture cannot be read.',
  429: 'Too much is in hand, or the client asks too often.',
  431: 'The headers are larger than the limit.',
  500: 'A fault of the server; its log says which.',
  501: 'The server keeps no predictions.',
  502: 'The server that this one forwards to gave no answer.',
  503: 'The server is stopping, or has no working inference process.',
  504: 'The answer was not ready in time.',
};

/** The two ways to send a key. */
const KEYS = {
  bearer: { type: 'http', scheme: 'bearer' },
  apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
};

interface ResponseObject {
  readonly description: string;
  readonly headers: ReturnType<typeof answerHeaders>;
  readonly content?: Readonly<Record<string, { readonly schema: OpenApiSchema }>>;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly security: readonly object[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, OpenApiSchema>>;
    readonly headers: ReturnType<typeof componentHeaders>;
    /** By default in the header `Authorization`. */
    readonly securitySchemes: Readonly<Record<string, { readonly type: string; readonly name?: string }>>;
  };
}

export interface OperationObject {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly operationId: string;
  readonly parameters?: readonly (Parameter & { readonly required: boolean })[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: NonNullable<ResponseObject['content']>;
  };
  readonly security?: readonly object[];
  readonly responses: Readonly<Record<string, ResponseObject>>;
}

/** The OpenAPI 3.1 description of the server, from the schemas that check its requests. */
export function openApiDocument(): OpenApiDocument {
  const paths: Record<string, Record<string, OperationObject>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] ??= {};
    paths[operation.path]![operation.method] = toObject(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'roble',
      summary: 'An image classifier over HTTP.',
      version: robleVersion(),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(OPERATIONS.map(({ group }) => group))].map((name) => ({ name })),
    paths,
    // A server may want no key: then nothing is needed.
    security: [{}, ...Object.keys(KEYS).map((name) => ({ [name]: [] }))],
    components: { schemas: componentSchemas(), headers: componentHeaders(), securitySchemes: KEYS },
  };
}

function toObject(operation: Operation): OperationObject {
  const { path, group, summary, parameters, body, isKept } = operation;
  return {
    tags: [group],
    summary,
    operationId: operationId(operation),
    ...(parameters && {
      parameters: parameters.map((parameter) => ({ ...parameter, required: parameter.in === 'path' })),
    }),
    ...(body && { requestBody: { required: true, content: contentOf(body) } }),
    ...(!scopesOfPath(path) && { security: [] }),
    responses: Object.fromEntries([
      [operation.status ?? 200, answerOf(operation)],
      ...(isKept
        ? [[304, { description: 'The client has it already.', headers: headersOf(operation, 304) }]]
        : []),
      ...errorsOf(operation).map((status) => [status, failureOf(operation, status)]),
    ]),
  };
}

function headersOf(operation: Operation, status: number): ResponseObject['headers'] {
  return answerHeaders({ answer: operation.answer, errors: errorsOf(operation) }, status);
}

function answerOf(operation: Operation): ResponseObject {
  return {
    description: 'The answer.',
    headers: headersOf(operation, operation.status ?? 200),
    content: contentOf(operation.answer),
  };
}

function failureOf(operation: Operation, status: number): ResponseObject {
  return {
    description: STATUS_MEANING[status]!,
    headers: headersOf(operation, status),
    content: contentOf(HEAD_ERRORS.includes(status) ? problem : operation.error),
  };
}

function contentOf(content: Operation['answer']): NonNullable<ResponseObject['content']> {
  return Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema }]));
}

/** Such as `getHealthReady`, and `getRoot` or `getV2Root` for a path that ends with a slash. */
function operationId({ method, path }: Operation): string {
  const words = path
    .replace(/\/$/, '/root')
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean);
  return method + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
}

/** Draws the description of the server for people. */
export interface ApiPage {
  /** @param stylesheet where the style lies, seen from the page */
  readonly html: (stylesheet: string) => string;
  readonly style: () => string;
}

/** `GET /openapi.json`, and `GET /docs` with its style where somebody draws them. */
export function addDescription(
  app: FastifyInstance,
  document: OpenApiDocument,
  page: ApiPage | undefined,
): void {
  // Written once: it takes longer than most predictions.
  const json = JSON.stringify(document);
  app.get('/openapi.json', async (_, reply) => reply.type('application/json; charset=utf-8').send(json));
  if (!page) return;
  let html: string | undefined;
  app.get('/docs', async (_, reply) => {
    html ??= page.html('docs/style.css');
    return reply.type('text/html; charset=utf-8').send(html);
  });
  app.get('/docs/style.css', async (_, reply) => reply.type('text/css; charset=utf-8').send(page.style()));
}
