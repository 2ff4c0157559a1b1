/**
 * The description and the server say the same, tried with random requests: what the description allows is taken, what it
 * does not allow is refused, and every answer is one that it describes. ROBLE_TEST_CONTRACT_RUNS sets how many requests
 * each path gets.
 */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenApiSchema } from '../src/core/serving/http/route.js';
import { type OperationObject, openApiDocument } from '../src/core/serving/openapi/document.js';
import type { RobleServer } from '../src/index.js';
import { checkOf, faultsOf } from './support/described-answers.js';
import { type QuarterServer, startQuarterServer } from './support/quarter-server.js';
import { changedValues, type Json, valuesOf } from './support/schema-values.js';
import { quarterPixels, quarterPng } from './support/tiny-bundle.js';

const RUNS = Number(process.env.ROBLE_TEST_CONTRACT_RUNS ?? 40);
const TIMEOUT_MS = 120_000 + 200 * RUNS;

const document = openApiDocument();
const { schemas } = document.components;

function isAllowed(schema: OpenApiSchema, value: Json): boolean {
  return checkOf(schema)(value) as boolean;
}

let server: RobleServer;
let close: QuarterServer['close'];
let requestId: string;
let png: Buffer;
beforeAll(async () => {
  ({ server, close } = await startQuarterServer('openapi-contract', (folder) => ({
    maxBatch: 4,
    access: { rateLimit: { max: 0, windowSeconds: 60 } },
    predictions: { url: join(folder, 'predictions.db') },
  })));
  png = await quarterPng(2, 150);
  const asked = await fetch(`${server.url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ pixels: quarterPixels(1) }),
  });
  ({ requestId } = (await asked.json()) as { requestId: string });
});
afterAll(() => close());

type Part = Record<string, Json>;
/** A request, by the places that a description knows. */
interface Request {
  readonly path: Part;
  readonly query: Part;
  readonly header: Part;
  readonly body: Body | undefined;
}
type Body =
  | { readonly type: 'application/json'; readonly value: Json }
  | { readonly type: string; readonly bytes: Uint8Array }
  | {
      readonly type: 'multipart/form-data';
      readonly files: Readonly<Record<string, Uint8Array[]>>;
      readonly fields: Part;
    };

async function send(
  method: string,
  template: string,
  { path, query, header, body }: Request,
): Promise<Response> {
  const bare = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const one of [value].flat()) search.append(name, String(one));
  const headers = new Headers();
  for (const [name, value] of Object.entries(header)) headers.set(name, String(value));
  let sent: RequestInit['body'];
  if (body && 'value' in body) sent = JSON.stringify(body.value);
  if (body && 'bytes' in body) sent = new Uint8Array(body.bytes);
  if (body && 'files' in body) {
    const form = new FormData();
    for (const [name, files] of Object.entries(body.files))
      for (const file of files) form.append(name, new Blob([new Uint8Array(file)]), 'picture.png');
    for (const [name, value] of Object.entries(body.fields))
      for (const one of [value].flat()) form.append(name, String(one));
    sent = form;
  } else if (body) headers.set('content-type', body.type);
  const text = search.size > 0 ? `?${search}` : '';
  return fetch(`${server.url}${bare}${text}`, { method, headers, ...(sent !== undefined && { body: sent }) });
}

/** What fits into a header as it is. */
const headerText = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);

/** Some of what a path really has, and anything else. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  name: ['quarters'],
  version: ['1'],
  model: ['quarters'],
  class: ['top-left'],
  file: ['style.css'],
};

function parameterValues(place: string, name: string, schema: OpenApiSchema): fc.Arbitrary<Json> {
  if (schema.type !== 'string' || schema.enum) return valuesOf(schema, schemas);
  const any = place === 'header' ? headerText : fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });
  // A path with dots alone is another path before it is sent.
  const free = any.filter((text) => !/^\.{1,2}$/.test(text));
  return KNOWN[name] ? fc.oneof(fc.constantFrom(...KNOWN[name]), free) : free;
}

function partsOf({ parameters = [] }: OperationObject, place: string): fc.Arbitrary<Part> {
  const own = parameters.filter((parameter) => parameter.in === place);
  const values = own.map(({ name, schema }) => [name, parameterValues(place, name, schema)] as const);
  const requiredKeys = own.filter(({ required }) => required).map(({ name }) => name);
  return fc.record(Object.fromEntries(values), { requiredKeys, noNullPrototype: true }) as fc.Arbitrary<Part>;
}

function bodiesOf({ requestBody }: OperationObject): fc.Arbitrary<Body | undefined> {
  if (!requestBody) return fc.constant(undefined);
  const files = fc.oneof(
    fc.constant(0).map(() => png as Uint8Array),
    fc.uint8Array({ minLength: 1, maxLength: 64 }),
  );
  return fc.oneof(
    ...Object.entries(requestBody.content).map(([type, { schema }]): fc.Arbitrary<Body> => {
      if (type === 'multipart/form-data') {
        const { properties = {} } = schemas[schema.$ref!.split('/').at(-1)!]!;
        const { image: _, images: __, ...others } = properties;
        const fields = valuesOf({ type: 'object', properties: others }, schemas) as fc.Arbitrary<Part>;
        const form = properties.images
          ? fc.array(files, { minLength: 1, maxLength: 3 }).map((images) => ({ images }))
          : files.map((file) => ({ image: [file] }));
        return fc.tuple(form, fields).map(([files, fields]) => ({ type, files, fields }));
      }
      if (type !== 'application/json')
        return files.map((bytes) => ({ type: type.replace('*', 'png'), bytes }));
      return jsonValues(schema).map((value) => ({ type, value }));
    }),
  );
}

/** JSON that a schema allows; some of it about what the server has. */
function jsonValues(schema: OpenApiSchema): fc.Arbitrary<Json> {
  const values = valuesOf(schema, schemas).filter((value) => isAllowed(schema, value));
  return fc.tuple(values, fc.boolean()).map(([value, isKnown]) => {
    if (!isKnown || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const { inputs } = value as { inputs?: { shape: number[]; data: Json }[] };
    if (inputs) {
      const [input] = inputs;
      return { ...value, inputs: [{ ...input, shape: [1, 8, 8, 1], data: quarterPixels(3) }] } as Json;
    }
    if ('pixels' in value && !isAllowed({ $ref: '#/components/schemas/BatchRequest' }, value))
      return { ...value, pixels: quarterPixels(2) };
    return 'requestId' in value ? { ...value, requestId, label: 'top-left' } : value;
  });
}

/** Requests that the description allows. */
function requestsFor(operation: OperationObject): fc.Arbitrary<Request> {
  return fc
    .record({
      path: partsOf(operation, 'path'),
      query: partsOf(operation, 'query'),
      header: partsOf(operation, 'header'),
      body: bodiesOf(operation),
    })
    .map((request) => fitted(withOneTopK(request), operation));
}

/** What the query and the body say must not differ. */
function withOneTopK(request: Request): Request {
  const { topK: _, ...query } = request.query;
  return { ...request, query: request.body && 'bytes' in request.body ? request.query : query };
}

/** The length of the JSON is a fact of the body, which no schema can tell. */
function fitted(request: Request, { parameters = [] }: OperationObject): Request {
  const name = 'inference-header-content-length';
  if (!parameters.some((parameter) => parameter.name === name)) return request;
  const { [name]: _, ...header } = request.header;
  const { body } = request;
  if (body && 'bytes' in body) return { ...request, header: { ...header, [name]: 0 } };
  const { model_name: __, ...value } = (body as { value: Part }).value;
  return { ...request, header, body: { type: 'application/json', value } };
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => [method.toUpperCase(), path, operation] as const),
);
const isPost = ([method]: (typeof operations)[number]) => method === 'POST';

/** What a server may say to a request of the right form: that it has no such thing, or that a picture is none. */
async function isRefusedByForm(response: Response): Promise<boolean> {
  if (response.status !== 400 && response.status !== 415) return false;
  const { code } = (await response.clone().json()) as { code: string };
  return code === 'ROBLE_REQUEST_INVALID' || code === 'ROBLE_REQUEST_UNSUPPORTED';
}

describe('a request that the description allows', () => {
  it.each(operations)('%s %s is taken', { timeout: TIMEOUT_MS }, async (method, path, operation) => {
    const runs = method === 'GET' ? Math.ceil(RUNS / 4) : RUNS;
    await fc.assert(
      fc.asyncProperty(requestsFor(operation), async (request) => {
        const response = await send(method, path, request);
        expect(await faultsOf(response, method, path)).toBeUndefined();
        expect(await isRefusedByForm(response), await response.clone().text()).toBe(false);
        const isLate = response.status === 504 && 'x-timeout-ms' in request.header;
        expect(response.status < 500 || isLate, await response.clone().text()).toBe(true);
        await response.arrayBuffer();
      }),
      { numRuns: runs },
    );
  });
});

describe('a request that the description does not allow', () => {
  async function expectRefusal(method: string, path: string, request: Request): Promise<void> {
    const response = await send(method, path, request);
    expect(await faultsOf(response, method, path)).toBeUndefined();
    expect(response.status, JSON.stringify(request)).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    await response.arrayBuffer();
  }

  it.each(operations.filter(isPost))(
    '%s %s: JSON of another form is refused',
    { timeout: TIMEOUT_MS },
    async (method, path, operation) => {
      const { schema } = operation.requestBody!.content['application/json']!;
      const odd = changedValues(valuesOf(schema, schemas)).filter((value) => !isAllowed(schema, value));
      const path_ = partsOf(operation, 'path');
      await fc.assert(
        fc.asyncProperty(path_, odd, (names, value) =>
          expectRefusal(method, path, {
            path: { ...names, name: 'quarters', version: '1' },
            query: {},
            header: {},
            body: { type: 'application/json', value },
          }),
        ),
        { numRuns: RUNS },
      );
    },
  );

  const declared = operations
    .filter(isPost)
    .flatMap(([method, path, operation]) =>
      operation
        .parameters!.filter(
          ({ in: place, schema }) => place !== 'path' && (schema.type !== 'string' || schema.enum),
        )
        .map(
          (parameter) => [method, path, parameter.in, parameter.name, parameter.schema, operation] as const,
        ),
    );
  it.each(declared)(
    '%s %s: another value of the %s parameter %s is refused',
    { timeout: TIMEOUT_MS },
    async (method, path, place, name, schema, operation) => {
      const odd = headerText.filter((text) => !isAllowedText(schema, text));
      const odds = fc.oneof(
        fc.constantFrom('', '0x10', '1e3', '-1', '1.5', '1,2', 'null', '00', 'input,'),
        odd,
      );
      await fc.assert(
        fc.asyncProperty(
          requestsFor(operation),
          odds.filter((text) => !isAllowedText(schema, text)),
          (request, text) =>
            expectRefusal(method, path, {
              ...request,
              path: { ...request.path, name: 'quarters', version: '1' },
              [place]: { [name]: text },
            }),
        ),
        { numRuns: Math.ceil(RUNS / 4) },
      );
    },
  );

  it.each(operations.filter(isPost))(
    '%s %s: a parameter of another name is refused',
    async (method, path, operation) => {
      for (const request of fc.sample(requestsFor(operation), 3))
        await expectRefusal(method, path, {
          ...request,
          path: { name: 'quarters', version: '1' },
          query: { ...request.query, topk: '3' },
          header: {},
        });
    },
  );

  it.each(operations.filter(isPost))('%s %s: no body is refused', (method, path) =>
    expectRefusal(method, path, {
      path: { name: 'quarters', version: '1' },
      query: {},
      header: {},
      body: undefined,
    }),
  );

  it.each(operations.filter(isPost).filter(([, path]) => !path.endsWith('/infer')))(
    '%s %s: another content type is refused',
    async (method, path, operation) => {
      for (const type of [
        'text/plain',
        'application/xml',
        'application/x-www-form-urlencoded',
        'image/png',
        'multipart/form-data; boundary=x',
      ]) {
        if (
          Object.keys(operation.requestBody!.content).some((known) => type.startsWith(known.replace('*', '')))
        )
          continue;
        await expectRefusal(method, path, {
          path: {},
          query: {},
          header: {},
          body: { type, bytes: Buffer.from(JSON.stringify({ requestId, label: 'top-left' })) },
        });
      }
    },
  );
});

/** Whether a text is a value of a parameter. */
function isAllowedText(schema: OpenApiSchema, text: string): boolean {
  if (schema.type === 'array') return isAllowed(schema, [text]);
  if (schema.type === 'integer') return /^\d+$/.test(text) && isAllowed(schema, Number(text));
  return isAllowed(schema, text);
}
