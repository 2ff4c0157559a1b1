/** Traces: what a collector that takes OTLP over HTTP gets of requests, and what it costs when there is none. */
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CreateServerOptions, createServer, type RobleServer } from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, tinyBundle } from './support/tiny-bundle.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SERVER_KIND = 2;
const ERROR_STATUS = 2;

let bundle: string;
let remove: () => Promise<void>;
const open: { close(): unknown }[] = [];
beforeAll(async () => {
  let root: string;
  ({ path: root, remove } = await temporaryFolder('serve-tracing'));
  bundle = await tinyBundle(join(root, 'model'));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
afterAll(() => remove());

/** A span as OTLP has it in JSON. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

interface Collector {
  readonly url: string;
  readonly spans: Span[];
  readonly paths: Set<string>;
  readonly http: Server;
}

async function collect(port = 0): Promise<Collector> {
  const spans: Span[] = [];
  const paths = new Set<string>();
  const http = createHttpServer(async (request, response) => {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk);
    paths.add(request.url!);
    spans.push(...spansOf(JSON.parse(Buffer.concat(body).toString())));
    response.setHeader('content-type', 'application/json').end('{}');
  });
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  open.push({
    close: () => {
      http.closeAllConnections();
      http.close();
    },
  });
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, spans, paths, http };
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of OTLP, checked by the expectations.
function spansOf(body: any): Span[] {
  const flat = (attributes: { key: string; value: object }[]) =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  return body.resourceSpans.flatMap(({ resource, scopeSpans }: any) =>
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    scopeSpans.flatMap(({ spans }: any) =>
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      spans.map((span: any) => ({
        ...span,
        attributes: flat(span.attributes),
        resource: flat(resource.attributes),
      })),
    ),
  );
}

async function serve(tracing: NonNullable<CreateServerOptions['tracing']>) {
  const warnings: string[] = [];
  const report = (event: { type: string; message?: string }) => {
    if (event.type === 'warning') warnings.push(event.message!);
  };
  const server = await createServer(
    { model: bundle, port: 0, workers: 0, tracing },
    { reporter: { report } },
  );
  open.push(server);
  return { server, warnings };
}

const ask = (server: RobleServer, body: unknown, headers: Record<string, string> = {}, path = '/predict') =>
  fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const picture = (light: number) => ({ pixels: quarterPixels(1, light) });
const traced = (flags: string) => ({ traceparent: `00-${TRACE}-${PARENT}-${flags}` });

describe('traces', () => {
  it('have a span for the request below that of the client, and one below it for each stage', async () => {
    const collector = await collect();
    const { server } = await serve({ url: collector.url, sampleRatio: 0 });
    const started = BigInt(Date.now()) * 1_000_000n;
    const answer = await ask(server, picture(10), { ...traced('01'), 'x-request-id': 'mine' });
    await server.close();
    const { spans } = collector;
    expect([...collector.paths]).toEqual(['/v1/traces']);
    expect(spans.map(({ name }) => name).sort()).toEqual(['POST /predict', 'decode', 'infer', 'queue']);
    const request = spans.find(({ kind }) => kind === SERVER_KIND)!;
    expect(request).toMatchObject({ name: 'POST /predict', traceId: TRACE, parentSpanId: PARENT });
    expect(answer.headers.get('traceparent')).toBe(`00-${TRACE}-${request.spanId}-01`);
    expect(request.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/predict',
      'http.response.status_code': 200,
      'roble.request_id': 'mine',
      'roble.images': 1,
      'roble.model.name': 'quarters',
    });
    expect(request.resource).toMatchObject({ 'service.name': 'roble' });
    const nanoseconds = ({ startTimeUnixNano, endTimeUnixNano }: Span) =>
      [BigInt(startTimeUnixNano), BigInt(endTimeUnixNano)] as const;
    const [from, to] = nanoseconds(request);
    expect(from).toBeGreaterThanOrEqual(started - 1_000_000n);
    for (const stage of spans.filter((span) => span !== request)) {
      expect(stage).toMatchObject({ traceId: TRACE, parentSpanId: request.spanId });
      const [start, end] = nanoseconds(stage);
      expect(start <= end && from <= start && end <= to).toBe(true);
    }
  });

  it('begin at the server where the client has none, for the share that is wanted', async () => {
    const collector = await collect();
    const all = await serve({ url: `${collector.url}/custom/path`, sampleRatio: 1 });
    const none = await serve({ url: `${collector.url}/custom/path`, sampleRatio: 0 });
    const answer = await ask(all.server, picture(20));
    await ask(none.server, picture(20));
    // The client decided.
    await ask(all.server, picture(21), traced('00'));
    await fetch(`${all.server.url}/health/live`);
    await all.server.close();
    await none.server.close();
    expect([...collector.paths]).toEqual(['/custom/path']);
    const [, traceId] = answer.headers.get('traceparent')!.split('-');
    expect(new Set(collector.spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    const request = collector.spans.filter(({ kind }) => kind === SERVER_KIND);
    expect(request).toHaveLength(1);
    expect(request[0]).not.toHaveProperty('parentSpanId');
  });

  it('tell errors, cached answers, and no more than the first images of a batch', async () => {
    const collector = await collect();
    const { server } = await serve({ url: collector.url, sampleRatio: 1 });
    await ask(server, { pixels: [1, 2, 3] });
    await ask(server, picture(30));
    await ask(server, picture(30));
    const lights = Array.from({ length: 20 }, (_, i) => quarterPixels(2, 40 + i));
    await ask(server, { pixels: lights }, {}, '/predict/batch');
    await server.close();
    const requests = collector.spans.filter(({ kind }) => kind === SERVER_KIND);
    expect(requests).toHaveLength(4);
    // A mistake of a client is no error of the server.
    expect(requests[0]).toMatchObject({
      attributes: { 'http.response.status_code': 400, 'error.type': 'ROBLE_IMAGE_SHAPE' },
    });
    expect(requests.every(({ status }) => status.code !== ERROR_STATUS)).toBe(true);
    const below = ({ spanId }: Span) => collector.spans.filter(({ parentSpanId }) => parentSpanId === spanId);
    expect(below(requests[2]!).map(({ name, attributes }) => [name, attributes['roble.source']])).toEqual([
      ['decode', 'memory'],
    ]);
    expect(below(requests[3]!)).toHaveLength(3 * 8);
    expect(requests[3]!.attributes['roble.images']).toBe(20);
  });
});

describe('a collector', () => {
  it('that is away costs no answer, and is told when it is lost and when it is back', async () => {
    const first = await collect();
    const { port } = first.http.address() as AddressInfo;
    first.http.close();
    const { server, warnings } = await serve({ url: first.url, sampleRatio: 1 });
    for (let light = 50; light < 60; light++) expect((await ask(server, picture(light))).status).toBe(200);
    await expect.poll(() => warnings).toEqual([expect.stringContaining('Traces cannot be sent')]);
    expect(warnings.join()).not.toContain(first.url);
    const second = await collect(port);
    const asking = async () => {
      await ask(server, picture(60 + warnings.length));
      return warnings.at(-1);
    };
    await expect.poll(asking, { timeout: 60_000, interval: 500 }).toBe('Traces are sent again.');
    expect(second.spans.length).toBeGreaterThan(0);
  }, 120_000);

  it('that does not answer does not hold up the end', async () => {
    const http = createHttpServer(() => {});
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    open.push({
      close: () => {
        http.closeAllConnections();
        http.close();
      },
    });
    const { port } = http.address() as AddressInfo;
    const { server } = await serve({ url: `http://127.0.0.1:${port}`, sampleRatio: 1 });
    await ask(server, picture(70));
    const closing = performance.now();
    await server.close();
    expect(performance.now() - closing).toBeLessThan(30_000);
  }, 60_000);
});
