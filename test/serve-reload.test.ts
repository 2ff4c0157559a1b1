import { cp, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { replaceFolder } from '../src/core/base/storage/durable.js';
import { type CreateServerOptions, createServer, type RobleServer } from '../src/index.js';
import { freePort } from './support/free-port.js';
import { startHeldServer } from './support/held-server.js';
import { startServeCommand } from './support/serve-command.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

const CLI = join(import.meta.dirname, '../bin/run.js');
/** 100 by `ROBLE_TEST_RELOADS=100`, as a release is tested. */
const RELOADS = Number(process.env.ROBLE_TEST_RELOADS ?? 3);
const RELOAD_LIMIT_MS = 20_000;

let root: string;
let remove: () => Promise<void>;
/** Two models that answer alike under other names. */
let folders: [string, string];
const servers: RobleServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-reload'));
  folders = [
    await tinyBundle(join(root, 'a'), { name: 'a' }),
    await tinyBundle(join(root, 'b'), { name: 'b' }),
  ];
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => remove());

async function serve(
  options: Partial<CreateServerOptions> = {},
  warnings: string[] = [],
): Promise<RobleServer> {
  const report = (event: { type: string; message?: string }) => {
    if (event.type === 'warning') warnings.push(event.message!);
  };
  const server = await createServer(
    { model: folders[0], port: 0, workers: 0, cache: { memoryBytes: 0, ttlSeconds: 1 }, ...options },
    { reporter: { report } },
  );
  servers.push(server);
  return server;
}

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a body of the server, checked by the expectations.
  body: any;
}
async function request(url: string, value?: unknown): Promise<Answer> {
  const response = await fetch(
    url,
    value === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) },
  );
  return { status: response.status, body: await response.json() };
}
const predict = (server: RobleServer, quarter: number, light = 255) =>
  request(`${server.url}/predict`, { pixels: quarterPixels(quarter, light) });
const processIds = async (server: RobleServer): Promise<number[]> =>
  (await request(`${server.url}/stats`)).body.workers.processIds;
const isAlive = (processId: number) => {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
};

/** Puts a copy of a bundle in the place of another one, all at once. */
const put = (target: string, source: string) =>
  replaceFolder(target, (temporary) => cp(source, temporary, { recursive: true }));

describe('a reload', () => {
  it(`loses no request (${RELOADS} under load), and each is answered by the model that it names`, {
    timeout: 60_000 + RELOADS * RELOAD_LIMIT_MS,
  }, async () => {
    const server = await serve({ workers: 2 });
    let busy = true;
    const named = new Map<string, number>();
    const client = async (quarter: number) => {
      for (let i = 0; busy; i++) {
        const { status, body } = await predict(server, quarter, 1 + (i % 255));
        expect([status, body.predictions?.[0].label]).toEqual([200, TINY_CLASSES[quarter]]);
        named.set(body.model.name, (named.get(body.model.name) ?? 0) + 1);
      }
    };
    const clients = Promise.all([0, 1, 2, 3].map(client));
    const old = await processIds(server);
    for (let i = 0; i < RELOADS; i++) expect(await server.reload(folders[(i + 1) % 2])).toBe(true);
    busy = false;
    await clients;
    expect([...named.keys()].sort()).toEqual(['a', 'b']);
    expect((await request(`${server.url}/stats`)).body.model.reloads).toBe(RELOADS);
    // The processes of models that were replaced are gone.
    await expect.poll(() => old.filter(isAlive)).toEqual([]);
    const answered = [...named.values()].reduce((a, b) => a + b);
    process.stderr.write(`${RELOADS} reloads under load: ${answered} requests answered, none failed\n`);
  });

  it('of a model that is used to the end lets its last request finish', async () => {
    const server = await startHeldServer(join(root, 'old'), { name: 'old' });
    servers.push(server);
    const next = await tinyBundle(join(root, 'next-held'), { name: 'next', golden: () => 0.25 });
    const answered = async (batch: number) => {
      await expect.poll(() => server.batches.length).toBe(batch + 1);
      server.batches[batch]!.answer();
    };
    const waiting = predict(server, 1);
    await expect.poll(() => server.batches.length).toBe(1);
    const reloaded = server.reload(next);
    // What the new model is checked with.
    await answered(1);
    expect(await reloaded).toBe(true);
    const asked = predict(server, 0);
    await answered(2);
    expect((await asked).body.model.name).toBe('next');
    server.batches[0]!.answer();
    expect(await waiting).toMatchObject({ status: 200, body: { model: { name: 'old' } } });
  });

  it('to a bundle with a wrong byte, of another format or that is not there leaves the old one', async () => {
    const server = await serve();
    const broken = await tinyBundle(join(root, 'broken'));
    const file = join(broken, 'model.onnx');
    await writeFile(file, Buffer.concat([await readFile(file), Buffer.from([0])]));
    const lying = await tinyBundle(join(root, 'lying'), { golden: (probability) => 1 - probability });
    await expect(server.reload(broken)).rejects.toMatchObject({ code: 'ROBLE_BUNDLE_INVALID' });
    await expect(server.reload(lying)).rejects.toMatchObject({ code: 'ROBLE_BUNDLE_INVALID' });
    await expect(server.reload(join(root, 'nowhere'))).rejects.toMatchObject({
      code: 'ROBLE_FILE_NOT_FOUND',
    });
    expect(server.model.name).toBe('a');
    expect((await predict(server, 2)).body.predictions[0].label).toBe(TINY_CLASSES[2]);
    expect((await request(`${server.url}/stats`)).body.model.lastError.message).toMatch(/nowhere/);
  });

  it('that finds the same model changes nothing', async () => {
    const server = await serve({ workers: 1 });
    const before = await processIds(server);
    expect(await server.reload()).toBe(false);
    expect(before).toHaveLength(1);
    expect(await processIds(server)).toEqual(before);
  });
});

describe('watching the folder', () => {
  it('serves what is put there, and keeps the old one when that is broken', async () => {
    const model = await tinyBundle(join(root, 'watched'), { name: 'first' });
    const warnings: string[] = [];
    const server = await serve({ model, watchMs: 30 }, warnings);
    await put(model, await tinyBundle(join(root, 'second'), { name: 'second' }));
    await expect.poll(() => server.model.name, { timeout: 20_000 }).toBe('second');
    const third = await tinyBundle(join(root, 'third'), { name: 'third' });
    await writeFile(join(third, 'model.onnx'), 'no model');
    await put(model, third);
    await expect.poll(() => warnings.join(), { timeout: 20_000 }).toContain('The new model is not served');
    expect(server.model.name).toBe('second');
    expect((await predict(server, 1)).status).toBe(200);
  });
});

describe('the administration', () => {
  it('replaces the model on its own port, and says what is wrong with another one', async () => {
    const server = await serve({ admin: { host: '127.0.0.1', port: 0 } });
    const at = `${server.adminUrl}/admin/models`;
    expect((await request(at)).body).toMatchObject({ a: { name: 'a', reloads: 0 } });
    expect((await request(`${at}/a/reload`, {})).body).toMatchObject({ changed: false });
    const changed = await request(`${at}/a/serve`, { folder: folders[1] });
    expect(changed).toMatchObject({ status: 200, body: { changed: true, model: { name: 'b', reloads: 1 } } });
    const wrong = await request(`${at}/a/serve`, { folder: join(root, 'nowhere') });
    expect(wrong).toMatchObject({ status: 422, body: { code: 'ROBLE_FILE_NOT_FOUND' } });
    expect(await request(`${at}/a/serve`, { dir: 'x' })).toMatchObject({
      status: 400,
      body: { code: 'ROBLE_REQUEST_INVALID' },
    });
    expect((await request(`${server.url}/admin/models`)).status).toBe(404);
    expect((await request(`${server.adminUrl}/predict`, { pixels: [] })).status).toBe(404);
  });

  it('whose port is taken lets nothing listen', async () => {
    const other = await serve();
    const port = await freePort();
    const admin = { host: '127.0.0.1', port: other.address.port };
    await expect(serve({ port, admin })).rejects.toMatchObject({ code: 'ROBLE_PORT_IN_USE' });
    await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow();
  });

  it('is not there unless it is asked for', async () => {
    expect((await serve()).adminUrl).toBeUndefined();
  });
});

describe('SIGHUP', () => {
  it('serves the model that lies in the folder now; SIGTERM still ends the server', async () => {
    const model = await tinyBundle(join(root, 'signalled'), { name: 'first' });
    const command = await startServeCommand(['--model', model, '--workers', '0'], root);
    const { child } = command;
    expect(command.output).toContain('Serving first');
    await put(model, await tinyBundle(join(root, 'next'), { name: 'second' }));
    child.kill('SIGHUP');
    await expect.poll(() => command.output, { timeout: 30_000 }).toContain('Serving second');
    child.kill('SIGTERM');
    expect((await child).exitCode).toBe(0);
  });

  it('is no end before the server listens, nor while it ends', async () => {
    const loading = await startLoading();
    loading.child.kill('SIGHUP');
    await expect.poll(() => loading.output, { timeout: 100_000 }).toMatch(/Serving a at \S+/);
    // What was read before the signal may be old.
    await expect.poll(() => loading.output, { timeout: 30_000 }).toContain('The model is the same');
    const body = JSON.stringify({ pixels: quarterPixels(0) });
    const { hostname, port } = new URL(/at (http:\S+)/.exec(loading.output)![1]!);
    const socket = connect(Number(port), hostname);
    const answer = text(socket);
    const head = `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    socket.write(head + body.slice(0, 1));
    await expect.poll(() => fetch(`http://${hostname}:${port}/health/live`).then(({ ok }) => ok)).toBe(true);
    loading.child.kill('SIGTERM');
    await expect.poll(() => loading.output, { timeout: 30_000 }).toContain('Stopping');
    loading.child.kill('SIGHUP');
    socket.write(body.slice(1));
    expect(await answer).toContain('200 OK');
    expect((await loading.child).exitCode).toBe(0);
  });
});

it.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s before the server listens gives its start up, with %i', async (signal, code) => {
  const { child } = await startLoading();
  child.kill(signal);
  const { exitCode, stderr } = await child;
  expect([exitCode, stderr]).toEqual([code, expect.stringContaining('code: ROBLE_INTERRUPTED')]);
  expect(stderr).not.toContain('Serving');
});

/** The command of a server that has begun to load its model, and listens a while later. */
async function startLoading() {
  const words = ['serve', '--model', folders[0], '--port', '0', '--predictions', 'none'];
  const env = { ROBLE_SERVE_LOG_FORMAT: 'text' };
  const child = execa(process.execPath, [CLI, ...words], { reject: false, cwd: root, env });
  let output = '';
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  await expect.poll(() => output, { timeout: 100_000 }).toContain('Loading the model');
  return {
    child,
    get output() {
      return output;
    },
  };
}
