import { z } from 'zod';
import { robleVersion } from '../../base/version.js';
import { scopeOf } from '../access/authorize.js';
import { type Content, type OpenApiSchema, PROBLEM, type Route, TEXT } from '../http/route.js';
import { answerHeaders, componentHeaders } from './headers.js';
import { ROUTES } from './routes.js';
import { componentSchemas, inputSchema, refTo } from './schemas.js';

interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'header' | 'path';
  readonly description: string;
  readonly schema: OpenApiSchema;
}

/** Schemas by content type. */
type Schemas = Readonly<Record<string, OpenApiSchema>>;

/** A route as it is described: messages by the names that the document gives them, and all its errors. */
export interface Operation {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly group: Route['group'];
  readonly summary: string;
  readonly needsKey: boolean;
  readonly parameters?: readonly Parameter[];
  readonly body?: Schemas;
  readonly answer: Schemas;
  readonly status: number;
  readonly isKept: boolean;
  readonly errors: readonly number[];
  readonly error: Schemas;
}

/** What the server answers to, for people and for programs. */
export interface ApiDescription {
  readonly operations: readonly Operation[];
  readonly document: OpenApiDocument;
}

/** Draws the description for people. */
export interface ApiPage {
  /** @param stylesheet where the style lies, seen from the page */
  readonly html: (api: ApiDescription, stylesheet: string) => string;
  readonly style: () => string;
}

/** What an error status means in every operation. */
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
  429: 'The server is busy, or the client asks too often.',
  431: 'The headers are larger than the limit.',
  500: 'A fault of the server; its log says which.',
  501: 'The server keeps no predictions.',
  502: 'The server that this one forwards to gave no answer.',
  503: 'The server is stopping, or has no working inference process.',
  504: 'The answer was not ready in time.',
};

/** Answered before the server knows what is asked for: a request that is slow, expects too much, or has a large head. */
const HEAD_ERRORS: readonly number[] = [408, 417, 431];
/** Malformed, or the server's own fault. */
const ANY_ERRORS = [400, 500];

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

/** Describes all routes of the server, from their declarations. */
export function describeApi(): ApiDescription {
  const operations = ROUTES.map(operationOf);
  return { operations, document: documentOf(operations) };
}

/** The OpenAPI 3.1 document of the server. */
export function openApiDocument(): OpenApiDocument {
  return describeApi().document;
}

function operationOf(route: Route): Operation {
  const { method, path, group, summary, access, body, answer, status = 200, isKept = false, error } = route;
  const parameters = parametersOf(route);
  const needsKey = scopeOf(access) !== undefined;
  const ofAccess = [...(needsKey ? [401, 403] : []), ...(access === 'probes' ? [] : [429])];
  const errors = new Set([...ANY_ERRORS, ...HEAD_ERRORS, ...ofAccess, ...route.errors]);
  return {
    method: method === 'GET' ? 'get' : 'post',
    path,
    group,
    summary,
    needsKey,
    ...(parameters.length > 0 && { parameters }),
    ...(body && { body: schemasOf(body) }),
    answer: schemasOf(answer),
    status,
    isKept,
    errors: [...errors].sort((a, b) => a - b),
    error: schemasOf(error),
  };
}

function parametersOf({ params = {}, query, headers = {} }: Route): Parameter[] {
  const inQuery = query ? (inputSchema(query).properties ?? {}) : {};
  return [
    ...Object.entries(params).map(([name, description]) => parameter(name, 'path', description, TEXT)),
    ...Object.entries(inQuery).map(([name, { description = '', ...schema }]) =>
      parameter(name, 'query', description, schema),
    ),
    ...Object.entries(headers).map(([name, { description, schema }]) =>
      parameter(name, 'header', description, schema),
    ),
  ];
}

function parameter(
  name: string,
  place: Parameter['in'],
  description: string,
  schema: OpenApiSchema,
): Parameter {
  return { name, in: place, description, schema };
}

function schemasOf(content: Content): Schemas {
  return Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [
      type,
      schema instanceof z.ZodType ? refTo(schema) : schema,
    ]),
  );
}

function documentOf(operations: readonly Operation[]): OpenApiDocument {
  const paths: Record<string, Record<string, OperationObject>> = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    paths[operation.path]![operation.method] = operationObject(operation);
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
    tags: [...new Set(operations.map(({ group }) => group))].map((name) => ({ name })),
    paths,
    // A server may want no key: then nothing is needed.
    security: [{}, ...Object.keys(KEYS).map((name) => ({ [name]: [] }))],
    components: { schemas: componentSchemas(), headers: componentHeaders(), securitySchemes: KEYS },
  };
}

function operationObject(operation: Operation): OperationObject {
  const { group, summary, needsKey, parameters, body, answer, status, isKept, errors, error } = operation;
  const response = (status: number, description: string, schemas?: Schemas): [number, ResponseObject] => [
    status,
    {
      description,
      headers: answerHeaders(operation, status),
      ...(schemas && { content: contentOf(schemas) }),
    },
  ];
  return {
    tags: [group],
    summary,
    operationId: operationId(operation),
    ...(parameters && {
      parameters: parameters.map((one) => ({ ...one, required: one.in === 'path' })),
    }),
    ...(body && { requestBody: { required: true, content: contentOf(body) } }),
    ...(!needsKey && { security: [] }),
    responses: Object.fromEntries([
      response(status, 'The answer.', answer),
      ...(isKept ? [response(304, 'The client has it already.')] : []),
      ...errors.map((status) =>
        response(status, STATUS_MEANING[status]!, HEAD_ERRORS.includes(status) ? schemasOf(PROBLEM) : error),
      ),
    ]),
  };
}

function contentOf(schemas: Schemas): NonNullable<ResponseObject['content']> {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema }]));
}

/** Such as `getHealthReady`, and `getRoot` or `getV2Root` for a path that ends with a slash. */
function operationId({ method, path }: Operation): string {
  const words = path
    .replace(/\/$/, '/root')
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean);
  return method + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
}
