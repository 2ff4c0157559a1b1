import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createServer, type RobleServer } from '../src/index.js';
import { freePort } from './support/free-port.js';
import { startHeldServer } from './support/held-server.js';
import { describeWith } from './support/programs.js';
import { startRedis, type TestRedis } from './support/redis.js';
import { relayedUrl } from './support/relay.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

let root: string;
let bundle: string;
let remove: () => Promise<void>;
const servers: RobleServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-cache'));
  bundle = await tinyBundle(join(root, 'model'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => remove());

async function serve(cache: object, model = bundle, warnings: string[] = []): Promise<RobleServer> {
  const report = (event: { type: string; message?: string }) => {
    if (event.type === 'warning') warnings.push(event.message!);
  };
  const server = await createServer(
    { model, port: 0, workers: 0, cache: cache as never },
    { reporter: { report } },
  );
  servers.push(server);
  return server;
}

async function ask(server: RobleServer, quarter: number, light = 255) {
  const response = await fetch(`${server.url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ pixels: quarterPixels(quarter, light) }),
  });
  return {
    status: response.status,
    body: (await response.json()) as { predictions: { label: string }[]; source: string },
  };
}
const stats = async (server: RobleServer) =>
  (await (await fetch(`${server.url}/stats`)).json()) as {
    cache: Record<string, never>;
    batches: number;
    queue: { inHand: number };
  };

describe('the cache in memory', () => {
  it('answers the same picture again without the model, with the same numbers', async () => {
    const server = await serve({});
    const first = await ask(server, 2);
    const again = await ask(server, 2);
    expect([first.body.source, again.body.source]).toEqual(['model', 'memory']);
    expect(again.body.predictions).toEqual(first.body.predictions);
    expect((await stats(server)).batches).toBe(1);
  });

  it('computes what many ask for at the same time once', async () => {
    const cache = { memoryBytes: 0, ttlSeconds: 1 };
    const server = await startHeldServer(join(root, 'held'), {}, { cache });
    servers.push(server);
    const asked = Array.from({ length: 20 }, () => ask(server, 1));
    await expect.poll(async () => (await stats(server)).queue.inHand).toBe(20);
    server.letGo();
    const answers = await Promise.all(asked);
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(answers.map(({ body }) => body.source).sort()).toEqual(['model', ...Array(19).fill('shared')]);
    expect((await stats(server)).batches).toBe(1);
    expect(server.batches.map(({ count }) => count)).toEqual([1]);
  });

  it('stays within its bytes, and forgets what was asked for the longest ago', async () => {
    const server = await serve({ memoryBytes: 2000 });
    for (let light = 1; light <= 100; light++) await ask(server, 0, light);
    const { memory } = (await stats(server)).cache as unknown as {
      memory: { bytes: number; entries: number };
    };
    expect(memory.bytes).toBeLessThanOrEqual(2000);
    expect(memory.entries).toBeGreaterThan(1);
    expect((await ask(server, 0, 100)).body.source).toBe('memory');
    expect((await ask(server, 0, 1)).body.source).toBe('model');
  });
});

describeWith('redis-server', 'redis-server')('the cache in Redis', () => {
  let redis: TestRedis;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(() => redis.stop());

  /** Asks about so many other pictures; every one has to be answered, and rightly. */
  async function answersOf(server: RobleServer, count: number, from = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      const { status, body } = await ask(server, i % 4, from + i);
      expect([status, body.predictions[0]!.label]).toEqual([200, TINY_CLASSES[i % 4]]);
    }
  }
  const breaker = async (server: RobleServer) =>
    ((await stats(server)).cache as unknown as { redis: { breaker: string } }).redis.breaker;
  /** Asks until the answer is in Redis: on a busy machine the server may be late to connect, or give up a try. */
  const askUntilKept = (server: RobleServer, quarter: number) =>
    expect
      .poll(async () => {
        await ask(server, quarter);
        return redis.client.dbsize();
      })
      .toBe(1);

  it('is shared by servers of the same model, and by no others', async () => {
    const cache = { memoryBytes: 0, url: redis.url };
    const [one, two] = [await serve(cache), await serve(cache)];
    const first = await ask(one, 3);
    await askUntilKept(one, 3);
    expect(first.body.source).toBe('model');
    // A busy machine may be late once.
    await expect.poll(async () => (await ask(two, 3)).body.source).toBe('redis');
    expect((await ask(two, 3)).body.predictions).toEqual(first.body.predictions);
    const other = await serve(cache, await tinyBundle(join(root, 'other'), { name: 'other' }));
    expect((await ask(other, 3)).body.source).toBe('model');
  });

  it('lets entries expire', async () => {
    await askUntilKept(await serve({ memoryBytes: 0, url: redis.url, ttlSeconds: 77 }), 0);
    const [key] = await redis.client.keys('*');
    const left = await redis.client.ttl(key!);
    expect(left).toBeGreaterThan(70);
    expect(left).toBeLessThanOrEqual(77);
  });

  it.each(['', 'x', '\u0000'.repeat(15), '\u00ff'.repeat(16)])(
    'takes no nonsense for an answer: %j',
    async (value) => {
      const server = await serve({ memoryBytes: 0, url: redis.url });
      await askUntilKept(server, 1);
      const [key] = await redis.client.keys('*');
      await redis.client.set(key!, Buffer.from(value, 'latin1'));
      const { status, body } = await ask(server, 1);
      expect([status, body.predictions[0]!.label, body.source]).toEqual([200, TINY_CLASSES[1], 'model']);
    },
  );

  it('may be killed and come back', async () => {
    const warnings: string[] = [];
    const server = await serve({ memoryBytes: 0, url: redis.url }, bundle, warnings);
    await answersOf(server, 4);
    await redis.stop();
    await answersOf(server, 30, 10);
    await expect.poll(() => warnings.join()).toContain('predictions go on without it');
    redis = await startRedis(Number(new URL(redis.url).port));
    await expect
      .poll(async () => (await ask(server, 2, 200)).body.source, { timeout: 20_000, interval: 100 })
      .toBe('redis');
  });

  it('may hang: the breaker opens, and nobody waits for it', async () => {
    const server = await serve({ memoryBytes: 0, url: redis.url });
    await answersOf(server, 4);
    redis.process.kill('SIGSTOP');
    await answersOf(server, 30, 10);
    expect(await breaker(server)).toBe('open');
    redis.process.kill('SIGCONT');
    await expect
      .poll(async () => (await ask(server, 2, 200)).body.source, { timeout: 20_000, interval: 100 })
      .toBe('redis');
  });

  it('may be full', async () => {
    const server = await serve({ memoryBytes: 0, url: redis.url });
    await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
    await redis.client.config('SET', 'maxmemory', '1');
    await answersOf(server, 30);
    expect(await redis.client.dbsize()).toBe(0);
  });

  it('may answer two seconds late', async () => {
    const { relay, url } = await relayedUrl(redis.url);
    relay.delayMs = 2000;
    try {
      const server = await serve({ memoryBytes: 0, url });
      await answersOf(server, 30);
    } finally {
      await relay.close();
    }
  });

  it('may fall silent without closing a connection', async () => {
    const { relay, url } = await relayedUrl(redis.url);
    try {
      const server = await serve({ memoryBytes: 0, url });
      await answersOf(server, 4);
      relay.holdUp();
      await answersOf(server, 30, 10);
      expect(await breaker(server)).toBe('open');
      relay.letGo();
      await expect
        .poll(async () => (await ask(server, 2, 200)).body.source, { timeout: 20_000, interval: 100 })
        .toBe('redis');
    } finally {
      await relay.close();
    }
  });

  it('need not be there at the start', async () => {
    const warnings: string[] = [];
    const server = await serve(
      { memoryBytes: 0, url: `redis://127.0.0.1:${await freePort()}` },
      bundle,
      warnings,
    );
    await answersOf(server, 10);
    await expect.poll(() => warnings).toHaveLength(1);
  });
});
