/** The description of the server is true: every path that there is, and what a real server answers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiDocument } from '../src/core/serving/openapi/document.js';
import type { RobleServer } from '../src/index.js';
import { faultsOf, templateOf } from './support/described-answers.js';
import { type QuarterServer, startQuarterServer } from './support/quarter-server.js';
import { quarterPixels, quarterPng } from './support/tiny-bundle.js';

const document = openApiDocument();

let server: RobleServer;
let close: QuarterServer['close'];
beforeAll(async () => {
  ({ server, close } = await startQuarterServer('openapi', () => ({
    maxBatch: 4,
    maxBodyBytes: 50_000,
    maxPixels: 10_000,
  })));
});
afterAll(() => close());

const infer = (data: unknown, more: object = {}) => ({
  inputs: [{ name: 'images', shape: [1, 8, 8, 1], datatype: 'UINT8', data }],
  ...more,
});
const bits = quarterPixels(1, 99);

describe('the document', () => {
  it('has every path of the server, and no other', async () => {
    const all = (await (await fetch(`${server.url}/nowhere`)).json()) as { expected: string };
    // The page's own files are described together.
    const templates = all.expected
      .split(', ')
      .map((route) => route.replace(/:(\w+)/g, '{$1}').replace(/\/page\/.+/, '/page/{file}'));
    const real = [...new Set(templates)];
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(real.sort());
  });

  it('refers to nothing that it does not have, and names each operation once', () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name!,
    );
    expect(references.length).toBeGreaterThan(20);
    expect(references.filter((name) => !(name in document.components.schemas))).toEqual([]);
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('describes every parameter of its paths', () => {
    for (const [path, operations] of Object.entries(document.paths))
      for (const { parameters = [] } of Object.values(operations)) {
        const named = parameters.filter((one) => one.in === 'path');
        expect(named.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      }
  });

  it('is served, and shown on a page without scripts, styles inside or other hosts', async () => {
    expect(await (await fetch(`${server.url}/openapi.json`)).json()).toEqual(
      JSON.parse(JSON.stringify(document)),
    );
    const page = await fetch(`${server.url}/docs`);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const html = await page.text();
    expect(html).not.toMatch(/<script|<style|style=|https?:|\son\w+=/i);
    for (const path of Object.keys(document.paths)) expect(html).toContain(path);
    const [, style] = /<link rel="stylesheet" href="([^"]+)">/.exec(html)!;
    const css = await fetch(new URL(style!, page.url));
    expect([css.status, css.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8']);
    expect(await css.text()).toContain('table{');
  });
});

describe('what the server answers', () => {
  const png = async () => new Uint8Array(await quarterPng(2, 150));
  it.each<[string, string, number, unknown, Record<string, string>?]>([
    ['POST', '/predict', 200, { pixels: bits }],
    ['POST', '/predict?topK=1', 200, png],
    [
      'POST',
      '/predict',
      200,
      {
        drawing: {
          strokes: [
            [
              [1, 1],
              [5, 5],
            ],
          ],
        },
      },
    ],
    ['POST', '/predict', 200, { pixels: bits, include: ['input'] }],
    ['POST', '/predict', 400, { pixels: [1] }],
    ['POST', '/predict', 400, {}],
    ['POST', '/predict', 413, 'x'.repeat(60_000)],
    ['POST', '/predict', 415, 'text', { 'content-type': 'text/plain' }],
    ['POST', '/predict', 422, 'text', { 'content-type': 'image/png' }],
    ['POST', '/predict/batch', 200, { pixels: [bits, [1], bits] }],
    ['POST', '/predict/batch', 413, { pixels: [bits, bits, bits, bits, bits] }],
    ['POST', '/feedback', 501, { requestId: 'a', label: 'b' }],
    ['POST', '/feedback?topK=1', 400, { requestId: 'a', label: 'b' }],
    ['GET', '/stats', 200, undefined],
    ['GET', '/health/live', 200, undefined],
    ['GET', '/health/ready', 200, undefined],
    ['GET', '/openapi.json', 200, undefined],
    ['GET', '/', 200, undefined],
    ['GET', '/docs', 200, undefined],
    ['GET', '/docs/style.css', 200, undefined],
    ['GET', '/v2', 200, undefined],
    ['GET', '/v2/health/live', 200, undefined],
    ['GET', '/v2/health/ready', 200, undefined],
    ['GET', '/v2/models/quarters', 200, undefined],
    ['GET', '/v2/', 200, undefined],
    ['GET', '/v2/models/none', 404, undefined],
    ['GET', `/v2/models/${'x'.repeat(2000)}`, 404, undefined],
    ['GET', '/', 304, undefined],
    ['GET', '/page/none.js', 404, undefined],
    ['GET', '/stats', 431, undefined, { 'x-long': 'x'.repeat(20_000) }],
    ['GET', '/v2/models/quarters/ready', 200, undefined],
    ['GET', '/v2/models/quarters/versions/1', 200, undefined],
    ['GET', '/v2/models/quarters/versions/1/ready', 200, undefined],
    ['GET', '/v2/models/quarters/versions/x/ready', 404, undefined],
    ['POST', '/v2/models/quarters/infer', 200, infer(bits, { id: 'a' })],
    ['POST', '/v2/models/quarters/infer', 200, infer(bits, { parameters: { binary_data_output: true } })],
    ['POST', '/v2/models/quarters/versions/1/infer', 200, infer(bits, { outputs: [{ name: 'label' }] })],
    ['POST', '/v2/models/quarters/infer', 400, infer([1])],
    ['POST', '/v2/models/none/infer', 404, infer(bits)],
    ['POST', '/v2/models/quarters/infer', 413, 'x'.repeat(60_000)],
  ])('%s %s: %i', async (method, path, status, sent, headers = {}) => {
    const body = typeof sent === 'function' ? await sent() : sent;
    const isJson = typeof body === 'object' && !(body instanceof Uint8Array);
    const response = await fetch(server.url + path, {
      method,
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as string) }),
      headers: {
        ...(body !== undefined && {
          'content-type': isJson ? 'application/json' : 'application/octet-stream',
        }),
        ...headers,
        ...(status === 304 && { 'if-none-match': (await fetch(server.url + path)).headers.get('etag')! }),
      },
    });
    expect(response.status).toBe(status);
    expect(await faultsOf(response, method, templateOf(path))).toBeUndefined();
  });

  it('is told from what it should not be', async () => {
    const wrong = new Response(JSON.stringify({ status: 'ready', more: 1 }), {
      headers: { 'content-type': 'application/json' },
    });
    expect(await faultsOf(wrong, 'GET', '/health/ready')).toMatchObject([
      { keyword: 'additionalProperties' },
    ]);
  });
});
