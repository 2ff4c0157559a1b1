import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type CreateServerOptions,
  createRegistry,
  createServer,
  type RobleServer,
  readPredictions,
} from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

let root: string;
let remove: () => Promise<void>;
/** Bundles that differ in their names only. */
let bundles: string[];
let moody: string;
let count = 0;
const servers: RobleServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-models'));
  bundles = [];
  for (const name of ['one', 'two', 'three'])
    bundles.push(await tinyBundle(join(root, 'bundles', name), { name }));
  moody = await moodyBackend(join(root, 'moody.mjs'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => remove());

/** A repository with the versions of each name, all at once as by a careful copy. */
async function repository(models: Record<string, string[]>): Promise<string> {
  const folder = join(root, `repository-${++count}`);
  for (const [name, versions] of Object.entries(models))
    for (const [i, version] of versions.entries()) await publish(folder, name, version, bundles[i]!);
  return folder;
}
async function publish(folder: string, name: string, version: string, bundle: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await cp(bundle, join(folder, name, `.${version}`), { recursive: true });
  await rename(join(folder, name, `.${version}`), join(folder, name, version));
}

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a body of the server, checked by the expectations.
  body: any;
}
async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, body: await response.json() };
}
const get = async (url: string) => answerOf(await fetch(url));
const post = async (url: string, value?: unknown, headers: Record<string, string> = {}) =>
  answerOf(
    await fetch(url, {
      method: 'POST',
      ...(value !== undefined && {
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(value),
      }),
    }),
  );

async function serve(options: CreateServerOptions, warnings: string[] = []): Promise<RobleServer> {
  const registry = createRegistry();
  registry.register({ name: 'moody', apiVersion: 1, kind: 'serving-backend', module: moody });
  const report = (event: { type: string; message?: string }) => {
    if (event.type === 'warning') warnings.push(event.message!);
  };
  const admin = { host: '127.0.0.1', port: 0 };
  const cache = { memoryBytes: 0, ttlSeconds: 1 };
  const server = await createServer(
    { port: 0, workers: 0, admin, cache, ...options },
    { reporter: { report }, registry },
  );
  servers.push(server);
  return server;
}
/** Which version answers, of a client with this key. */
async function ask(server: RobleServer, query = '', stickyKey = '', light = 255): Promise<Answer> {
  return post(
    `${server.url}/predict${query}`,
    { pixels: quarterPixels(1, light) },
    { 'x-sticky-key': stickyKey },
  );
}
const admin = (server: RobleServer, path: string) => `${server.adminUrl}/admin/models/${path}`;

describe('a repository', () => {
  it('serves the newest version of every name, and says which one answered', async () => {
    const models = await repository({ digits: ['9', '10'], letters: ['v1'] });
    const server = await serve({ models, model: 'digits' });
    expect((await ask(server)).body).toMatchObject({
      model: { name: 'digits', version: '10' },
      predictions: [{ label: TINY_CLASSES[1] }, {}, {}],
    });
    expect((await ask(server, '?model=letters')).body.model).toMatchObject({
      name: 'letters',
      version: 'v1',
    });
    expect((await get(`${server.adminUrl}/admin/models`)).body).toMatchObject({
      digits: { version: '10' },
      letters: { version: 'v1' },
    });
  });

  it('tells who asks for what it has not, with what it has', async () => {
    const models = await repository({ digits: ['1'], letters: ['1'] });
    const server = await serve({ models });
    expect(await ask(server, '?model=leters')).toMatchObject({
      status: 404,
      body: { code: 'ROBLE_MODEL_UNKNOWN', received: 'leters', expected: 'digits, letters' },
    });
    // There is no default: nobody said which one it is.
    expect(await ask(server)).toMatchObject({ status: 404, body: { expected: 'digits, letters' } });
    expect(await ask(server, '?model=digits&version=7')).toMatchObject({
      status: 404,
      body: { code: 'ROBLE_MODEL_UNKNOWN', received: '7', expected: '1' },
    });
    await expect(serve({ models, model: 'words' })).rejects.toMatchObject({ code: 'ROBLE_MODEL_UNKNOWN' });
    await expect(serve({ models: join(root, 'nowhere') })).rejects.toMatchObject({
      code: 'ROBLE_FILE_NOT_FOUND',
    });
    for (const version of ['..', '../letters/1', '/etc', '', '.hidden'])
      expect(await post(admin(server, 'digits/serve'), { version })).toMatchObject({
        status: 400,
        body: { code: 'ROBLE_REQUEST_INVALID' },
      });
  });

  it('is watched: new versions and new names are served, unfinished ones are not', async () => {
    const models = await repository({ digits: ['1'] });
    const warnings: string[] = [];
    const server = await serve({ models, watchMs: 50 }, warnings);
    await mkdir(join(models, 'digits', '2'));
    await publish(models, 'digits', '3', bundles[1]!);
    await expect.poll(() => server.model.version, { timeout: 30_000 }).toBe('3');
    await publish(models, 'letters', '1', bundles[2]!);
    await expect
      .poll(async () => (await ask(server, '?model=letters')).status, { timeout: 30_000 })
      .toBe(200);
    await rm(join(models, 'letters'), { recursive: true });
    await expect
      .poll(async () => (await ask(server, '?model=letters')).status, { timeout: 30_000 })
      .toBe(404);
    expect((await ask(server)).body.model.version).toBe('3');
  });

  it('remembers what was chosen, over a restart', async () => {
    const models = await repository({ digits: ['1', '2', '3'] });
    const first = await serve({ models });
    expect(first.model.version).toBe('3');
    expect((await post(admin(first, 'digits/serve'), { version: '1' })).body).toMatchObject({
      changed: true,
    });
    await post(admin(first, 'digits/canary'), { version: '2', percent: 25 });
    await first.close();
    const second = await serve({ models });
    expect((await get(admin(second, 'digits'))).body).toMatchObject({
      version: '1',
      canary: { version: '2', percent: 25 },
    });
    await writeFile(join(models, 'digits', 'serving.json'), '{ "version": 7 }');
    await expect(second.reload()).rejects.toMatchObject({ code: 'ROBLE_CONFIG_INVALID' });
    expect((await ask(second)).status).toBe(200);
  });
});

describe('a canary', () => {
  it('answers its share of the clients, and always the same ones', async () => {
    const models = await repository({ digits: ['1', '2'] });
    const server = await serve({ models });
    await post(admin(server, 'digits/serve'), { version: '1' });
    const versionsAt = async (percent: number, clients = 100) => {
      await post(admin(server, 'digits/canary'), { version: '2', percent });
      const versions: string[] = [];
      for (let client = 0; client < clients; client++)
        versions.push((await ask(server, '', `client-${client}`)).body.model.version);
      return versions;
    };
    const [few, again, many] = [await versionsAt(20), await versionsAt(20, 30), await versionsAt(60)];
    expect(again).toEqual(few.slice(0, 30));
    const share = (versions: string[]) => versions.filter((version) => version === '2').length;
    // Binomial: 20 and 60 of 100, with more than three deviations to each side.
    expect(share(few)).toBeGreaterThan(7);
    expect(share(few)).toBeLessThan(33);
    expect(share(many)).toBeGreaterThan(44);
    // Who has seen the new version goes on seeing it.
    for (const [i, version] of few.entries()) if (version === '2') expect(many[i]).toBe('2');
    expect((await ask(server, '?version=2', 'anybody')).body.model.version).toBe('2');
    expect((await post(admin(server, 'digits/promote'))).body).toMatchObject({
      changed: true,
      model: { version: '2', previous: { version: '1' } },
    });
    expect((await post(admin(server, 'digits/promote'))).status).toBe(400);
    expect((await post(admin(server, 'digits/rollback'))).body).toMatchObject({
      changed: true,
      model: { version: '1', lastRollback: { version: '2' } },
    });
  });

  it('is among the versions that the inference protocol tells, each of which may be asked for', async () => {
    const models = await repository({ digits: ['1', '2', '3'] });
    const server = await serve({ models });
    await post(admin(server, 'digits/serve'), { version: '1' });
    await post(admin(server, 'digits/canary'), { version: '2', percent: 1 });
    const { versions } = (await get(`${server.url}/v2/models/digits`)).body;
    expect(versions).toEqual(['1', '2']);
    for (const version of versions)
      expect((await get(`${server.url}/v2/models/digits/versions/${version}/ready`)).status).toBe(200);
    expect((await get(`${server.url}/v2/models/digits/versions/3/ready`)).status).toBe(404);
  });

  it('knows a client without a name by its address, whatever port and spelling a proxy writes', async () => {
    const models = await repository({ digits: ['1', '2'] });
    const access = { trustedProxies: ['127.0.0.0/8'] };
    const server = await serve({ models, access } as never);
    await post(admin(server, 'digits/serve'), { version: '1' });
    await post(admin(server, 'digits/canary'), { version: '2', percent: 50 });
    const versionOf = async (forwarded: string) =>
      (await post(`${server.url}/predict`, { pixels: quarterPixels(1) }, { 'x-forwarded-for': forwarded }))
        .body.model.version;
    const versions = new Set<string>();
    for (let client = 1; client <= 20; client++) {
      const address = `198.51.100.${client}`;
      const spellings = [
        address,
        `${address}:1`,
        `${address}:50001`,
        `[::ffff:${address}]:443`,
        `unknown, ${address}`,
      ];
      const own = new Set(await Promise.all(spellings.map(versionOf)));
      expect(own.size).toBe(1);
      for (const version of own) versions.add(version);
    }
    expect(versions.size).toBe(2);
  });

  it('that fails is rolled back by itself, and no client notices', async () => {
    const models = await repository({ digits: ['1', 'bad'] });
    const warnings: string[] = [];
    await writeFile(join(models, 'digits', 'serving.json'), '{ "version": "1" }');
    const server = await serve({ models, backend: 'moody' }, warnings);
    await post(admin(server, 'digits/canary'), { version: 'bad', percent: 100 });
    expect((await ask(server)).body.model.version).toBe('bad');
    for (let i = 0; i < 6; i++)
      expect(await ask(server, '', '', 13)).toMatchObject({ status: 200, body: { model: { version: '1' } } });
    const state = (await get(admin(server, 'digits'))).body;
    expect(state.canary).toBeUndefined();
    expect(state.lastRollback).toMatchObject({ version: 'bad' });
    expect(warnings.join()).toContain('Rolling back version bad of digits');
    const kept = async () => JSON.parse(await readFile(join(models, 'digits', 'serving.json'), 'utf8'));
    await expect.poll(kept).toEqual({ version: '1' });
  });

  it('that fails in the middle of a batch leaves nothing of it to the log of predictions', async () => {
    const models = await repository({ digits: ['1', 'bad'] });
    await writeFile(join(models, 'digits', 'serving.json'), '{ "version": "1" }');
    const url = join(models, '..', `predictions-${count}.db`);
    const predictions = { url, keepImages: false, maxQueueBytes: 1e6 };
    const server = await serve({ models, backend: 'moody', predictions });
    await post(admin(server, 'digits/canary'), { version: 'bad', percent: 100 });
    // More than the model takes at a time: the canary has answered the first ones when it fails.
    const pixels = Array.from({ length: 100 }, (_, i) => quarterPixels(i % 4, i === 99 ? 13 : 100 + i));
    const { status, body } = await post(`${server.url}/predict/batch`, { pixels });
    expect([status, body.model.version, body.results.length]).toEqual([200, '1', 100]);
    await server.close();
    const digests = [];
    for await (const { model } of readPredictions(url)) digests.push(model.digest);
    expect(digests).toEqual(Array(100).fill(body.model.digest));
  });

  it('is not blamed for what a request has wrong', async () => {
    const models = await repository({ digits: ['1', '2'] });
    const server = await serve({ models });
    await post(admin(server, 'digits/serve'), { version: '1' });
    await post(admin(server, 'digits/canary'), { version: '2', percent: 100 });
    for (let i = 0; i < 5; i++)
      expect((await post(`${server.url}/predict`, { pixels: [1, 2, 3] })).status).toBe(400);
    expect((await get(admin(server, 'digits'))).body.canary.since).toEqual({ answered: 0, failed: 0 });
  });
});

describe('a stable version', () => {
  it('whose processes all die gives its place back to the one before', async () => {
    const models = await repository({ digits: ['1', 'deadly'] });
    await writeFile(join(models, 'digits', 'serving.json'), '{ "version": "1" }');
    const warnings: string[] = [];
    const server = await serve({ models, backend: 'moody', workers: 1 }, warnings);
    await post(admin(server, 'digits/serve'), { version: 'deadly' });
    const failing = async () => {
      await ask(server, '', '', 13);
      return (await get(admin(server, 'digits'))).body.version;
    };
    await expect.poll(failing, { timeout: 100_000, interval: 100 }).toBe('1');
    expect(warnings.join()).toContain('Rolling back version deadly of digits');
    expect((await ask(server)).body.model.version).toBe('1');
  }, 120_000);
});

describe('a shadow', () => {
  it('is compared with the stable model, and answers nobody', async () => {
    const models = await repository({ digits: ['1', 'contrary'] });
    await writeFile(join(models, 'digits', 'serving.json'), '{ "version": "1" }');
    const server = await serve({ models, backend: 'moody' });
    await post(admin(server, 'digits/shadow'), { version: 'contrary' });
    for (let light = 101; light <= 110; light++)
      expect((await ask(server, '', '', light)).body.model.version).toBe('1');
    await expect
      .poll(async () => (await get(admin(server, 'digits'))).body.shadow)
      .toMatchObject({ version: 'contrary', compared: 10, disagreed: 5, disagreement: 0.5, failed: 0 });
    await fetch(admin(server, 'digits/shadow'), { method: 'DELETE' });
    expect((await get(admin(server, 'digits'))).body.shadow).toBeUndefined();
  });

  it('that would need other pixels is refused', async () => {
    const models = await repository({ digits: ['1'] });
    await tinyBundle(join(models, 'digits', '2'), { preprocessing: { invert: true } });
    await writeFile(join(models, 'digits', 'serving.json'), '{ "version": "1" }');
    const warnings: string[] = [];
    const server = await serve({ models }, warnings);
    expect(await post(admin(server, 'digits/shadow'), { version: '2' })).toMatchObject({
      status: 422,
      body: { code: 'ROBLE_BUNDLE_INVALID' },
    });
    expect(warnings.join()).toContain('POST /admin/models/digits/shadow failed: ');
    expect((await ask(server)).body.model.version).toBe('1');
  });
});

/**
 * The backend `onnx`, but for the versions that are called so: `bad` fails on pictures with a pixel of 13, `deadly`
 * ends its process, `contrary` turns the answer around for pictures whose lightest pixel is even.
 */
async function moodyBackend(path: string): Promise<string> {
  const onnx = pathToFileURL(join(import.meta.dirname, '../dist/plugins/onnx/serving-backend.js')).href;
  await writeFile(
    path,
    `import { basename } from 'node:path';
    import { plugin as onnx } from '${onnx}';
    export const plugin = {
      name: 'moody',
      async load(model, options) {
        const real = await onnx.load(model, options);
        const mood = basename(model.folder);
        return {
          warmUp: () => real.warmUp(),
          close: () => real.close(),
          async predict(images, count) {
            if (images.includes(13) && mood === 'bad') throw new Error('I do not like 13.');
            if (images.includes(13) && mood === 'deadly') process.kill(process.pid, 'SIGKILL');
            const answer = await real.predict(images, count);
            const rowsOf = (values) => Array.from({ length: count }, (_, i) =>
              values.slice(i * values.length / count, (i + 1) * values.length / count));
            const pictures = rowsOf(images);
            return Float32Array.from(rowsOf(answer).flatMap((row, i) => {
              // The golden pictures have other lights.
              const light = Math.max(...pictures[i]);
              const isTurned = mood === 'contrary' && light > 100 && light <= 110 && light % 2 === 0;
              return Array.from(isTurned ? row.reverse() : row);
            }));
          },
        };
      },
    };`,
  );
  return pathToFileURL(path).href;
}
