/** The serving backends beside onnx: the same answers by other means. */
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBundle } from '../src/core/model/bundle.js';
import { createServer, loadModel, type RobleServer, trainModel } from '../src/index.js';
import { freePort } from './support/free-port.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';
import { tinyDataset } from './support/tiny-dataset.js';

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('backends'));
});
const servers: RobleServer[] = [];
const others: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0).reverse()) await server.close();
  for (const other of others.splice(0)) {
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  }
});
afterAll(() => remove());

async function serve(options: Record<string, unknown>): Promise<RobleServer> {
  const server = await createServer({
    port: 0,
    workers: 0,
    cache: { memoryBytes: 0, ttlSeconds: 1 },
    ...options,
  } as never);
  servers.push(server);
  return server;
}

async function ask({ url }: RobleServer, pixels: readonly number[]) {
  const response = await fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ pixels, topK: 4 }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: a body of the server, checked by the expectations.
  return { status: response.status, body: (await response.json()) as any };
}
const isReady = async ({ url }: RobleServer) => (await fetch(`${url}/health/ready`)).status;

describe('tfjs', () => {
  const layers = [
    { type: 'conv', filters: 6, stride: 2, bias: false },
    { type: 'batchNorm' },
    { type: 'relu' },
    {
      type: 'residual',
      layers: [{ type: 'conv', filters: 8, stride: 2, bias: false }, { type: 'batchNorm' }, { type: 'gelu' }],
    },
    { type: 'flatten' },
    { type: 'dropout', rate: 0.1 },
    { type: 'dense', units: 'classes' },
  ];

  it('gives the probabilities of onnx for a trained model, with a ten-thousandth to spare', async () => {
    const run = join(root, 'run');
    await trainModel({
      dataset: await tinyDataset(join(root, 'dataset')),
      model: { layers } as never,
      run,
      train: { epochs: 2, batchSize: 16, learningRate: 0.02 },
    });
    const folder = join(run, 'model');
    const { classes } = await openBundle(folder);
    const [onnx, tfjs] = [await loadModel(folder), await loadModel(folder, { backend: 'tfjs' })];
    const pictures = Array.from({ length: 40 }, (_, i) =>
      Uint8Array.from({ length: 144 }, (_, pixel) => (pixel * pixel * (i + 1)) % 256),
    );
    const byLabel = (predictions: readonly { label: string; probability: number }[]) =>
      new Map(predictions.map(({ label, probability }) => [label, probability]));
    const expected = await onnx.predictPixels(pictures, classes.length);
    const found = await tfjs.predictPixels(pictures, classes.length);
    // Answers that hardly differ from each other would agree with anything.
    expect(new Set(expected.map(([best]) => best!.label)).size).toBeGreaterThan(1);
    for (const [i, predictions] of found.entries())
      for (const [label, probability] of byLabel(predictions))
        expect(Math.abs(probability - byLabel(expected[i]!).get(label)!)).toBeLessThan(1e-4);
    await onnx.close();
    await tfjs.close();
  });

  it('serves', async () => {
    const model = await tinyBundle(join(root, 'tfjs'));
    const server = await serve({ model, backend: 'tfjs', workers: 1 });
    const { status, body } = await ask(server, quarterPixels(2, 200));
    const odds = Math.exp(4 * (200 / 255));
    expect([status, body.predictions[0]]).toEqual([
      200,
      { label: 'bottom-left', probability: expect.closeTo(odds / (odds + 3), 4) },
    ]);
  });
});

describe('oip', () => {
  let bundle: string;
  beforeAll(async () => {
    bundle = await tinyBundle(join(root, 'oip'));
  });
  const options = (url: string, more: object = {}) => ({ url, model: 'quarters', ...more });
  const forward = (url: string, more: object = {}, workers = 0) =>
    serve({ model: bundle, backend: 'oip', workers, backendOptions: options(url, more) });

  it('gives the answers of the server that it forwards to, for one and for many', async () => {
    const upstream = await serve({ model: bundle, maxBatch: 3 });
    const server = await forward(upstream.url, { maxBatch: 3, version: '1' }, 1);
    const direct = await ask(upstream, quarterPixels(1, 150));
    const through = await ask(server, quarterPixels(1, 150));
    expect([through.status, through.body.predictions]).toEqual([200, direct.body.predictions]);
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, i) => ask(server, quarterPixels(i % 4, 60 + i))),
    );
    expect(many.map(({ body }) => body.predictions[0].label)).toEqual(
      Array.from({ length: 20 }, (_, i) => TINY_CLASSES[i % 4]),
    );
  });

  it('does with a server without the binary extension, and tries again what failed for the moment', async () => {
    const upstream = await serve({ model: bundle });
    const requests: string[] = [];
    const plain = createHttpServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', async () => {
        const body = Buffer.concat(chunks).toString();
        requests.push(`${request.url} ${request.headers.authorization}`);
        if (request.url === '/v2') return response.end('{"name":"plain"}');
        const isFirst = requests.filter((url) => url === requests.at(-1)).length === 1;
        if (isFirst) return response.writeHead(503, { 'retry-after': '0' }).end();
        const answer = await fetch(upstream.url + request.url, {
          method: request.method!,
          ...(body && { body }),
        });
        return response.writeHead(answer.status).end(await answer.text());
      });
    });
    others.push(plain);
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(plain.address() as AddressInfo).port}`;
    const server = await forward(url, { headers: { authorization: 'Bearer a' } });
    expect((await ask(server, quarterPixels(3))).body.predictions[0].label).toBe('bottom-right');
    expect(new Set(requests)).toEqual(
      new Set(['/v2 Bearer a', '/v2/models/quarters/ready Bearer a', '/v2/models/quarters/infer Bearer a']),
    );
  });

  it('is not ready while that server is gone, says nothing of it to strangers, and comes back with it', async () => {
    const port = await freePort();
    const upstream = await createServer({ model: bundle, port, workers: 0 });
    const server = await forward(upstream.url, { retries: 0 }, 1);
    expect(await isReady(server)).toBe(200);
    await upstream.close();
    const failed = await ask(server, quarterPixels(0, 99));
    expect([failed.status, failed.body.code]).toEqual([502, 'ROBLE_SERVER_UNREACHABLE']);
    expect(JSON.stringify(failed.body)).not.toContain(String(port));
    await expect.poll(() => isReady(server), { timeout: 30_000 }).toBe(503);
    await serve({ model: bundle, port });
    await expect.poll(() => isReady(server), { timeout: 30_000 }).toBe(200);
    expect((await ask(server, quarterPixels(0, 99))).status).toBe(200);
  });

  it('refuses a server with another model, and one that has none of the name', async () => {
    const upstream = await serve({ model: bundle });
    const other = await tinyBundle(join(root, 'other'), { golden: (probability) => 1 - probability });
    const backendOptions = options(upstream.url);
    await expect(serve({ model: other, backend: 'oip', backendOptions })).rejects.toMatchObject({
      code: 'ROBLE_BUNDLE_INVALID',
    });
    await expect(forward(upstream.url, { model: 'else', retries: 0 })).rejects.toMatchObject({
      code: 'ROBLE_SERVER_UNREACHABLE',
      details: { received: expect.stringContaining('There is no model') },
    });
    await expect(forward(`http://127.0.0.1:${await freePort()}`, { retries: 0 })).rejects.toMatchObject({
      code: 'ROBLE_SERVER_UNREACHABLE',
    });
  });

  it.each<[string, string, object | undefined, string[]]>([
    ['none at all', 'oip', undefined, ['url', 'model']],
    ['an address of another kind', 'oip', { url: 'ftp://host', model: 'm' }, ['url']],
    ['an unknown one', 'oip', { url: 'http://host', model: 'm', retry: 1 }, ['']],
    ['one where there are none', 'onnx', { url: 'http://host' }, ['']],
  ])('refuses options: %s', async (_, backend, backendOptions, paths) => {
    const thrown = await serve({ model: bundle, backend, backendOptions }).catch((error) => error);
    expect(thrown).toMatchObject({ code: 'ROBLE_CONFIG_INVALID' });
    expect(thrown.details.problems.map(({ path }: { path: string }) => path)).toEqual(paths);
  });
});
