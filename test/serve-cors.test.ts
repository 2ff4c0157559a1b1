/** What scripts of other pages may send and read is what the server reads and sends, and what the documentation names. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKey } from '../src/core/serving/access/api-keys.js';
import { openApiDocument } from '../src/core/serving/openapi/document.js';
import { createServer, type RobleServer } from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, quarterPng, tinyBundle } from './support/tiny-bundle.js';

const ORIGIN = 'https://example.com';

let server: RobleServer;
let keys: Record<'predict' | 'feedback' | 'all', string>;
let remove: () => Promise<void>;
beforeAll(async () => {
  const folder = await temporaryFolder('cors');
  ({ remove } = folder);
  const keysFile = join(folder.path, 'keys.json');
  const keyFor = async (...scopes: ('predict' | 'feedback' | 'metrics')[]) =>
    (await createKey(keysFile, { name: scopes.join(), scopes })).key;
  keys = {
    predict: await keyFor('predict'),
    feedback: await keyFor('feedback'),
    all: await keyFor('predict', 'feedback', 'metrics'),
  };
  server = await createServer({
    model: await tinyBundle(join(folder.path, 'model')),
    port: 0,
    workers: 0,
    maxBodyBytes: 10_000,
    predictions: { url: join(folder.path, 'predictions.db') },
    access: {
      keysFile,
      cors: [ORIGIN],
      trustedProxies: ['127.0.0.1'],
      rateLimit: { max: 60, windowSeconds: 600 },
    },
  } as never);
});
afterAll(async () => {
  await server?.close();
  await remove();
});

const listOf = (response: Response, name: string) =>
  response.headers
    .get(name)
    ?.split(', ')
    .map((one) => one.toLowerCase()) ?? [];

async function preflight(method: string): Promise<Response> {
  const response = await fetch(`${server.url}/predict`, {
    method: 'OPTIONS',
    headers: { origin: ORIGIN, 'access-control-request-method': method },
  });
  expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([204, ORIGIN]);
  return response;
}
const allowedHeaders = async () => listOf(await preflight('POST'), 'access-control-allow-headers');

/** One request to every path, and one for each way to be refused. */
async function everyAnswer(): Promise<Response[]> {
  const key = { 'x-api-key': keys.all };
  const json = { ...key, 'content-type': 'application/json' };
  const picture = JSON.stringify({ pixels: quarterPixels(1) });
  const tensor = (parameters: object) =>
    JSON.stringify({
      inputs: [{ name: 'images', shape: [1, 8, 8, 1], datatype: 'UINT8', data: quarterPixels(1) }],
      parameters,
    });
  const form = new FormData();
  form.append('image', new Blob([new Uint8Array(await quarterPng(1))]), 'a.png');
  const gets = Object.entries(openApiDocument().paths)
    .filter(([, methods]) => methods.get)
    .map(([path]): [string, RequestInit] => [
      path.replace('{name}', 'quarters').replace('{version}', '1').replace('{file}', 'style.css'),
      { headers: key },
    ]);
  const post = (
    path: string,
    headers: Record<string, string>,
    body: RequestInit['body'],
  ): [string, RequestInit] => [path, { method: 'POST', headers, body: body! }];
  const requests: readonly [string, RequestInit][] = [
    ...gets,
    post('/predict', json, picture),
    post(
      '/predict',
      { 'x-api-key': keys.predict, 'content-type': 'image/png' },
      new Uint8Array(await quarterPng(1)),
    ),
    post('/predict/batch', { authorization: `Bearer ${keys.all}` }, form),
    post('/predict', { ...json, 'content-encoding': 'gzip' }, new Uint8Array(gzipSync(picture))),
    post('/predict', { ...json, traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` }, picture),
    post('/v2/models/quarters/infer', json, tensor({})),
    post('/v2/models/quarters/infer', json, tensor({ binary_data_output: true })),
    post('/feedback', json, JSON.stringify({ requestId: 'none', label: 'b' })),
    post('/predict', { 'content-type': 'application/json' }, picture),
    post('/predict', { ...json, 'x-api-key': keys.feedback }, picture),
    post('/predict', { ...json, 'content-encoding': 'zstd' }, picture),
    post('/predict', { ...json, 'content-type': 'text/plain' }, picture),
    post('/predict', json, 'x'.repeat(20_000)),
    post('/predict', json, '{}'),
    ['/predict', { headers: key }],
    ['/predict', { method: 'OPTIONS', headers: key }],
    ['/nowhere', { headers: key }],
  ];
  const answers: Response[] = [];
  for (const [path, init] of requests)
    answers.push(await fetch(server.url + path, { ...init, headers: { ...init.headers, origin: ORIGIN } }));
  // Until there were too many.
  for (let status = 0; status !== 429; ) {
    const answer = await fetch(`${server.url}/stats`, {
      headers: { origin: ORIGIN, 'x-forwarded-for': '192.0.2.1' },
    });
    ({ status } = answer);
    answers.push(answer);
  }
  return answers;
}

/** Which a script cannot set, or needs no leave to (Fetch, sections 2.2.2 and 3.2). */
const OF_BROWSERS = [
  ...[
    'accept',
    'accept-language',
    'content-language',
    'accept-encoding',
    'connection',
    'content-length',
    'cookie',
  ],
  ...[
    'expect',
    'host',
    'origin',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'user-agent',
    'if-none-match',
  ],
  ...['access-control-request-headers', 'access-control-request-method'],
];
/** Which are for the browser, or which scripts may always read. */
const NOT_FOR_SCRIPTS =
  /^(access-control-|cross-origin-|x-(content-type-options|dns-prefetch-control|download-options|frame-options|permitted-cross-domain-policies|xss-protection)$|(content-security-policy|origin-agent-cluster|referrer-policy|strict-transport-security|vary|connection|keep-alive|date|etag|transfer-encoding|cache-control|content-length|content-type)$)/;

it('every header that the server reads may be sent, and every one that it sends be read', async () => {
  const read = new Set<string>();
  // Watches, and changes nothing.
  const watch = (message: unknown) => {
    const { request } = message as { request: IncomingMessage };
    const headers = new Proxy(request.headers, {
      get(headers, name) {
        if (typeof name === 'string') read.add(name);
        return Reflect.get(headers, name);
      },
    });
    Object.defineProperty(request, 'headers', { value: headers });
  };
  subscribe('http.server.request.start', watch);
  const answers = await everyAnswer();
  unsubscribe('http.server.request.start', watch);
  expect([...read]).toEqual(expect.arrayContaining(['x-sticky-key', 'x-timeout-ms', 'content-encoding']));
  // Proxies write the one; the framework looks for the other, which no route has.
  const forScripts = [...read].filter(
    (name) => !['x-forwarded-for', 'accept-version', ...OF_BROWSERS].includes(name),
  );
  const allowed = await allowedHeaders();
  expect(forScripts.filter((name) => !allowed.includes(name))).toEqual([]);

  expect(new Set(answers.map(({ status }) => status))).toEqual(
    new Set([200, 204, 400, 401, 403, 404, 405, 413, 415, 429]),
  );
  for (const answer of answers) {
    const exposed = listOf(answer, 'access-control-expose-headers');
    const sent = [...answer.headers.keys()].filter((name) => !NOT_FOR_SCRIPTS.test(name));
    expect([answer.status, answer.url, sent.filter((name) => !exposed.includes(name))]).toEqual([
      answer.status,
      answer.url,
      [],
    ]);
  }
});

it('every header that the documentation names may be sent or read', async () => {
  const allowed = await allowedHeaders();
  const any = await fetch(`${server.url}/health/live`, { headers: { origin: ORIGIN } });
  const known = [...allowed, ...listOf(any, 'access-control-expose-headers')];
  const folder = join(import.meta.dirname, '../docs');
  const names = new Set<string>();
  for (const file of [
    'serving.md',
    'security.md',
    'protocols.md',
    'predictions.md',
    'monitoring.md',
    'load-testing.md',
  ])
    for (const [, name] of (await readFile(join(folder, file), 'utf8')).matchAll(
      /[`']((?:x|ratelimit|inference)-[\w-]+|retry-after|traceparent|authorization|allow|accept-encoding|content-encoding|www-authenticate)[`':]/gi,
    ))
      names.add(name!.toLowerCase());
  expect(names.size).toBeGreaterThan(8);
  const others = [...names].filter((name) => !known.includes(name) && !NOT_FOR_SCRIPTS.test(name));
  // A script cannot say for whom it speaks.
  expect(others).toEqual(['x-forwarded-for']);
  expect(await readdir(folder)).toContain('serving.md');
});

it('a script may use every method that a path has', async () => {
  const methods = Object.values(openApiDocument().paths).flatMap((path) => Object.keys(path));
  for (const method of new Set([...methods, 'head'].map((name) => name.toUpperCase())))
    expect(listOf(await preflight(method), 'access-control-allow-methods')).toContain(method.toLowerCase());
});

it('what may be kept for one origin is not for another, and nobody else is let in', async () => {
  for (const origin of [ORIGIN, 'https://evil.test', `${ORIGIN}.evil.test`, 'null', undefined]) {
    const headers = { 'x-api-key': keys.all, ...(origin !== undefined && { origin }) };
    const answer = await fetch(`${server.url}/health/live`, { headers });
    expect(answer.headers.get('vary')).toBe('Origin');
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin === ORIGIN ? ORIGIN : null);
  }
});
