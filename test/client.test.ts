/** The client against real servers: those of roble, and small ones that fail in ways that roble does not. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RobleClient } from '../src/client/index.js';
import { sendRequest } from '../src/core/base/http.js';
import { createServer, RobleError, type RobleServer } from '../src/index.js';
import { freePort } from './support/free-port.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, quarterPng, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

let root: string;
let bundle: string;
let server: RobleServer;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('client'));
  bundle = await tinyBundle(join(root, 'model'));
  server = await createServer({
    model: bundle,
    port: 0,
    workers: 0,
    maxBatch: 4,
    predictions: { url: join(root, 'predictions.sqlite') } as never,
  });
});
const others: Server[] = [];
afterEach(async () => {
  for (const other of others.splice(0)) {
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  }
});
afterAll(async () => {
  await server.close();
  await remove();
});

/** Another server; gives its address. */
async function listen(answer: RequestListener): Promise<string> {
  const other = createHttpServer(answer);
  others.push(other);
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
}

const encoded = async (quarter: number, light?: number) => new Uint8Array(await quarterPng(quarter, light));

it('says of headers that cannot be sent what is wrong, and not that the server is away', async () => {
  const request = { method: 'GET', url: new URL(server.url), headers: { 'x-key': 'a\nsecret' } } as const;
  const error = await sendRequest(request, { timeoutMs: 30_000, retries: 3 }).catch((thrown) => thrown);
  expect(error).toMatchObject({
    code: 'ROBLE_REQUEST_INVALID',
    details: { received: 'invalid x-key header' },
  });
  expect(JSON.stringify(error)).not.toContain('secret');
});

describe('the client', () => {
  it('gives the answers of the server for bytes, pixels and drawings', async () => {
    const client = new RobleClient(server.url);
    const answer = await client.predict(await encoded(2, 120), { topK: 2, requestId: 'bytes-1' });
    expect(answer).toMatchObject({
      requestId: 'bytes-1',
      predictions: [{ label: 'bottom-left' }, {}],
      model: { name: 'quarters', digest: server.model.digest },
    });
    const pixels = await client.predict(quarterPixels(2, 120), { topK: 1, priority: 'high' });
    expect(pixels.predictions).toEqual(answer.predictions.slice(0, 1));
    const drawing = { strokes: [[[1, 1] as const, [3, 3] as const]], unit: 20 };
    const drawn = await client.predict(drawing);
    expect(TINY_CLASSES).toContain(drawn.predictions[0]!.label);
  });

  it('takes a key as files and variables give it, and says of one that cannot be sent what is wrong, without it', async () => {
    const seen: (string | undefined)[] = [];
    const url = await listen(({ headers }, response) => {
      seen.push(headers.authorization);
      response.end();
    });
    for (const key of ['roble_key', 'roble_key\n', ' roble_key\r\n'])
      await new RobleClient(url, { apiKey: key }).ready();
    expect(new Set(seen)).toEqual(new Set(['Bearer roble_key']));
    for (const key of ['', '\n', 'roble\nkey', 'roble key', 'schlüssel', 'roble_key\0']) {
      const open = () => new RobleClient(url, { apiKey: key });
      expect(open).toThrow(expect.objectContaining({ code: 'ROBLE_USAGE' }));
      if (key.trim() !== '') expect(open).not.toThrow(key.trim());
    }
  });

  it('gives a batch in its order, each with its answer or its error', async () => {
    const client = new RobleClient(`${server.url}/`);
    const bytes = [await encoded(3), Uint8Array.from([1, 2]), await encoded(0)];
    const { results } = await client.predictBatch(bytes, { topK: 1 });
    expect(results).toMatchObject([
      { predictions: [{ label: 'bottom-right' }] },
      { error: { code: 'ROBLE_IMAGE_UNREADABLE', status: 422 } },
      { predictions: [{ label: 'top-left' }] },
    ]);
    expect(results[0]).not.toHaveProperty('predictions.1');
    const numbers = await client.predictBatch([quarterPixels(1), quarterPixels(2)]);
    expect(numbers.results).toMatchObject([
      { predictions: [{ label: 'top-right' }, {}, {}] },
      { predictions: [{ label: 'bottom-left' }, {}, {}] },
    ]);
    await expect(client.predictBatch([await encoded(3), quarterPixels(1)])).rejects.toMatchObject({
      code: 'ROBLE_REQUEST_INVALID',
    });
  });

  it('keeps feedback, tells statistics, and whether the server is ready', async () => {
    const client = new RobleClient(new URL(server.url));
    const { requestId } = await client.predict(quarterPixels(1, 11));
    await expect
      .poll(() => client.feedback({ requestId, label: 'top-left' }).catch(({ code }) => code), {
        timeout: 20_000,
      })
      .toEqual({ stored: true });
    await expect(client.feedback({ requestId, label: 'nowhere' })).rejects.toMatchObject({
      code: 'ROBLE_LABEL_RANGE',
    });
    expect((await client.stats()).model).toMatchObject({ name: 'quarters', classes: TINY_CLASSES });
    expect(await client.ready()).toBe(true);
  });

  it('throws problems as errors of their code, with what was received and expected', async () => {
    const thrown = await new RobleClient(server.url).predict([1, 2, 3]).catch((error) => error);
    expect(thrown).toBeInstanceOf(RobleError);
    expect(thrown).toMatchObject({
      code: 'ROBLE_IMAGE_SHAPE',
      details: { received: '3 numbers', expected: expect.stringContaining('64 numbers') },
    });
    await expect(new RobleClient(`${server.url}/prefix`).stats()).rejects.toMatchObject({
      code: 'ROBLE_ROUTE_UNKNOWN',
      message: 'There is no GET /prefix/stats.',
    });
  });

  it('waits while the server is busy, as long as it says, and asks again', async () => {
    const times: number[] = [];
    const url = await listen((request, response) => {
      request.resume().on('end', () => {
        times.push(performance.now());
        const status = [429, 503, 200][times.length - 1]!;
        response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '1' });
        response.end(JSON.stringify(status === 200 ? { predictions: [] } : { code: 'ROBLE_SERVER_BUSY' }));
      });
    });
    expect(await new RobleClient(url).predict([1])).toEqual({ predictions: [] });
    expect(times).toHaveLength(3);
    // A timer may fire a millisecond early.
    expect(times[1]! - times[0]!).toBeGreaterThan(990);
    expect(times[2]! - times[1]!).toBeGreaterThan(990);
  });

  it.each([
    [429, 3],
    [503, 3],
    [400, 1],
    [500, 1],
    [504, 1],
  ])('asks after status %i so often: %i', async (status, tries) => {
    let count = 0;
    const url = await listen((request, response) => {
      count++;
      request.resume();
      response.writeHead(status, { 'retry-after': '0' });
      response.end(JSON.stringify({ code: 'ROBLE_SERVER_BUSY', detail: 'Too many.' }));
    });
    await expect(new RobleClient(url).predict([1])).rejects.toMatchObject({ code: 'ROBLE_SERVER_BUSY' });
    expect(count).toBe(tries);
  });

  it('tries again when the connection breaks before an answer, and not when it breaks in one', async () => {
    let count = 0;
    const before = await listen((request, response) => {
      count++;
      if (count < 3) request.socket.destroy();
      else response.end('{"predictions":[]}');
    });
    expect(await new RobleClient(before).predict([1])).toEqual({ predictions: [] });
    expect(count).toBe(3);
    count = 0;
    const within = await listen((request, response) => {
      count++;
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"pre');
      setTimeout(() => request.socket.destroy(), 50);
    });
    await expect(new RobleClient(within).predict([1])).rejects.toMatchObject({
      code: 'ROBLE_SERVER_UNREACHABLE',
    });
    expect(count).toBe(1);
  });

  it('says that nobody listens, or that it is no server of roble that answers', async () => {
    const nobody = new RobleClient(`http://127.0.0.1:${await freePort()}`, { retries: 1 });
    await expect(nobody.predict([1])).rejects.toMatchObject({
      code: 'ROBLE_SERVER_UNREACHABLE',
      details: { received: expect.stringContaining('ECONNREFUSED') },
    });
    const page = await listen((_, response) => response.writeHead(404).end('<html>'));
    await expect(new RobleClient(page).stats()).rejects.toMatchObject({ code: 'ROBLE_SERVER_UNREACHABLE' });
    const text = await listen((_, response) => response.end('hello'));
    await expect(new RobleClient(text).stats()).rejects.toMatchObject({ code: 'ROBLE_SERVER_UNREACHABLE' });
  });

  it('keeps its deadline over all tries, and ends at once when it is told to', async () => {
    const silent = await listen(() => {});
    const late = new RobleClient(silent, { timeoutMs: 300 }).predict([1]);
    await expect(late).rejects.toMatchObject({ code: 'ROBLE_DEADLINE_EXCEEDED' });
    const busy = await listen((request, response) => {
      request.resume();
      response.writeHead(503, { 'retry-after': '3600' }).end('{"code":"ROBLE_SERVER_NOT_READY"}');
    });
    // It is no use to wait for longer than the answer may take.
    await expect(new RobleClient(busy).predict([1])).rejects.toMatchObject({
      code: 'ROBLE_SERVER_NOT_READY',
    });
    const stop = new AbortController();
    const stopped = new RobleClient(silent).predict([1], { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(stopped).rejects.toThrow('enough');
  });

  it('asks for the model and the version that are named', async () => {
    const client = new RobleClient(server.url);
    const { version } = server.model as { version?: string };
    const named = { model: 'quarters', ...(version !== undefined && { version }) };
    expect((await client.predict(quarterPixels(1, 44), named)).model.name).toBe('quarters');
    for (const wrong of [{ model: 'other' }, { version: 'other' }])
      await expect(client.predict(await encoded(1, 45), wrong)).rejects.toMatchObject({
        code: 'ROBLE_MODEL_UNKNOWN',
      });
  });

  it('sends its key and its deadline', async () => {
    const url = await listen(({ headers }, response) => response.end(JSON.stringify(headers)));
    const client = new RobleClient(url, { apiKey: 'secret', timeoutMs: 1234 });
    expect(await client.predict([1])).toMatchObject({
      authorization: 'Bearer secret',
      'x-timeout-ms': '1234',
    });
    expect(await client.stats()).toMatchObject({ authorization: 'Bearer secret' });
  });

  it.each(['nonsense', 'ftp://host', ''])('refuses the address "%s"', (url) => {
    expect(() => new RobleClient(url)).toThrow(RobleError);
  });

  it('loads neither the image decoder nor a runtime', async () => {
    const code = `await import('roble/client');
      console.log(process.report.getReport().sharedObjects.join());`;
    const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', code], {
      cwd: join(import.meta.dirname, '..'),
    });
    expect(stdout).toContain('libc');
    expect(stdout).not.toMatch(/sharp|vips|onnxruntime/);
  });
});

describe('predict --url', () => {
  const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');
  const predict = (...args: string[]) =>
    execa(process.execPath, [CLI, 'predict', ...args], {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: root },
      extendEnv: false,
      reject: false,
    });

  it('prints what it prints with the model here', async () => {
    await mkdir(join(root, 'photos'));
    for (const quarter of [0, 1, 2, 3])
      await writeFile(join(root, 'photos', `${quarter}.png`), await quarterPng(quarter));
    await writeFile(join(root, 'photos', 'bad.png'), (await quarterPng(0)).subarray(0, 50));
    const words = ['photos', 'missing.png', '--format', 'csv', '--top-k', '2'];
    const there = await predict(...words, '--url', server.url);
    const here = await predict(...words, '--model', bundle);
    expect([there.exitCode, there.stdout]).toEqual([here.exitCode, here.stdout]);
    expect(there.exitCode).toBe(4);
    expect(there.stdout).toContain('bottom-right');
    const { result } = JSON.parse((await predict('photos/1.png', '--url', server.url, '--json')).stdout);
    expect(result.model).toMatchObject({ url: server.url, name: 'quarters', digest: server.model.digest });
  });

  it('takes its key from a flag, a variable or a file', async () => {
    const seen: (string | undefined)[] = [];
    const url = await listen(({ headers }, response) => {
      seen.push(headers.authorization);
      response.statusCode = 401;
      response.end();
    });
    const file = join(root, 'key');
    await writeFile(file, 'of-the-file\n');
    const ask = (env: Record<string, string>, ...words: string[]) =>
      execa(process.execPath, [CLI, 'predict', 'photos', '--url', url, ...words], {
        cwd: root,
        env: { PATH: process.env.PATH, HOME: root, ...env },
        extendEnv: false,
        reject: false,
      });
    await mkdir(join(root, 'photos'), { recursive: true });
    await writeFile(join(root, 'photos', '0.png'), await quarterPng(0));
    await ask({ ROBLE_API_KEY: 'of-the-variable\n' });
    await ask({ ROBLE_API_KEY_FILE: file });
    await ask({ ROBLE_API_KEY_FILE: file }, '--api-key', 'of-the-flag');
    // The server is asked again for each picture and try.
    const keys = ['of-the-variable', 'of-the-file', 'of-the-flag'];
    expect([...new Set(seen)]).toEqual(keys.map((key) => `Bearer ${key}`));
    const both = await ask({ ROBLE_API_KEY: 'one', ROBLE_API_KEY_FILE: file });
    const missing = await ask({ ROBLE_API_KEY_FILE: join(root, 'no-key') });
    expect([both.exitCode, both.stderr]).toEqual([2, expect.stringContaining('are both set')]);
    expect([missing.exitCode, missing.stderr]).toEqual([2, expect.stringContaining('no-key (ENOENT)')]);
  });

  it('ends with 3 when the server cannot be asked', async () => {
    const failed = await predict('photos', '--url', `http://127.0.0.1:${await freePort()}`, '--json');
    expect([failed.exitCode, JSON.parse(failed.stdout).error.code]).toEqual([3, 'ROBLE_SERVER_UNREACHABLE']);
  });
});
