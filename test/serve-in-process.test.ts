/** A server without inference processes (`workers: 0`): the same answers, the same errors, nothing beside it. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createRegistry, createServer, type RobleServer } from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

let root: string;
let model: string;
let remove: () => Promise<void>;
const servers: RobleServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-in-process'));
  model = await tinyBundle(join(root, 'model'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => remove());

type Options = Parameters<typeof createServer>[0];

async function serve(options: Options = {}, context = {}): Promise<RobleServer> {
  const server = await createServer({ model, port: 0, workers: 0, ...options }, context);
  servers.push(server);
  return server;
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of several forms.
  readonly body: any;
}

async function ask(server: RobleServer, path: string, body?: object): Promise<Answer> {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const response = await fetch(server.url + path, body && init);
  return { status: response.status, body: await response.json() };
}

const predictionsOf = ({ body }: Answer): unknown[] =>
  body.results.map(({ predictions }: Answer['body']) => predictions);

/** A backend of a third party: light of 17 is never answered, light of 19 fails. */
function fragile() {
  const code = `
    export const plugin = {
      name: 'fragile',
      async load() {
        return { warmUp: async () => {}, predict, close: async () => {} };
      },
    };
    async function predict(images, count) {
      if (images.includes(17)) await new Promise(() => {});
      if (images.includes(19)) throw new Error('Failed to allocate memory.');
      const odds = Array.from({ length: 4 * count }, () => 0);
      images.forEach((light, i) => {
        const quarter = (i % 64 < 32 ? 0 : 2) + (i % 8 < 4 ? 0 : 1);
        odds[4 * Math.floor(i / 64) + quarter] += (light / 255) * 0.25;
      });
      return Float32Array.from(odds, (odd, i) => {
        const row = odds.slice(i - (i % 4), i - (i % 4) + 4);
        return Math.exp(odd) / row.reduce((sum, other) => sum + Math.exp(other), 0);
      });
    }`;
  const registry = createRegistry();
  const module = `data:text/javascript,${encodeURIComponent(code)}`;
  registry.register({ name: 'fragile', apiVersion: 1, kind: 'serving-backend', module });
  return registry;
}

it('answers bit by bit as one with a process', async () => {
  const [local, process] = [await serve(), await serve({ workers: 1 })];
  const pictures = Array.from({ length: 30 }, (_, i) => quarterPixels(i % 4, 8 * i));
  for (const body of [{ pixels: pictures }, { pixels: pictures.slice(0, 1), topK: 1 }]) {
    const [here, there] = await Promise.all(
      [local, process].map((server) => ask(server, '/predict/batch', body)),
    );
    expect(here!.status).toBe(200);
    expect(predictionsOf(here!)).toEqual(predictionsOf(there!));
  }
  expect((await ask(local, '/predict', { pixels: pictures[3] })).body.predictions[0].label).toBe(
    TINY_CLASSES[3],
  );
  expect((await ask(local, '/stats')).body.workers).toMatchObject({ wanted: 1, ready: 1, processIds: [] });
});

it('is refused a model that does not give its golden answers, and takes the next one while it answers', async () => {
  const bad = await tinyBundle(join(root, 'bad'), { golden: (probability) => 1 - probability });
  await expect(serve({ model: bad })).rejects.toMatchObject({ code: 'ROBLE_BUNDLE_INVALID' });
  const folder = join(root, 'next');
  await cp(model, folder, { recursive: true });
  const server = await serve({ model: folder });
  await tinyBundle(folder, { name: 'second' });
  let busy = true;
  const statuses = new Set<number>();
  const client = (async () => {
    while (busy) statuses.add((await ask(server, '/predict', { pixels: quarterPixels(1) })).status);
  })();
  expect(await server.reload()).toBe(true);
  busy = false;
  await client;
  expect([...statuses]).toEqual([200]);
  expect((await ask(server, '/predict', { pixels: quarterPixels(1) })).body.model.name).toBe('second');
});

it('gives a model up that does not answer or fails again and again, and loads it anew', async () => {
  const server = await serve({ backend: 'fragile', inferenceTimeoutMs: 1500 }, { registry: fragile() });
  const predict = (light: number) => ask(server, '/predict', { pixels: quarterPixels(0, light) });
  const ready = () =>
    expect.poll(async () => (await ask(server, '/stats')).body.workers.ready, { timeout: 30_000 }).toBe(1);
  expect((await predict(17)).status).toBe(503);
  await ready();
  const { restarts } = (await ask(server, '/stats')).body.workers;
  expect(restarts).toBeGreaterThan(0);
  for (let i = 0; i < 4; i++) expect((await predict(19)).status).toBe(500);
  await ready();
  expect((await ask(server, '/stats')).body.workers.restarts).toBeGreaterThan(restarts);
  expect((await predict(20)).status).toBe(200);
});
