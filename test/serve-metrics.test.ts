import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CreateServerOptions, createServer, type RobleServer } from '../src/index.js';
import { describeWith } from './support/programs.js';
import { startRedis } from './support/redis.js';
import { scrape } from './support/scrape.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, tinyBundle } from './support/tiny-bundle.js';

let root: string;
let bundle: string;
let remove: () => Promise<void>;
const servers: RobleServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-metrics'));
  bundle = await tinyBundle(join(root, 'model'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => remove());

async function serve(options: Partial<CreateServerOptions> = {}): Promise<RobleServer> {
  const server = await createServer({
    model: bundle,
    port: 0,
    admin: { host: '127.0.0.1', port: 0 },
    workers: 0,
    ...options,
  });
  servers.push(server);
  return server;
}

function post(url: string, value: unknown, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...init.headers };
  return fetch(url, { method: 'POST', body: JSON.stringify(value), ...init, headers });
}
const ask = (server: RobleServer, light: number, init?: RequestInit) =>
  post(`${server.url}/predict`, { pixels: quarterPixels(0, light) }, init);

async function processIds(server: RobleServer): Promise<number[]> {
  const stats = (await (await fetch(`${server.url}/stats`)).json()) as { workers: { processIds: number[] } };
  return stats.workers.processIds;
}

describe('GET /metrics', () => {
  it('counts the requests and images that there were, and no others', async () => {
    const server = await serve();
    for (const light of [10, 20, 30, 10]) expect((await ask(server, light)).status).toBe(200);
    const batch = { pixels: [quarterPixels(1, 40), [1, 2], quarterPixels(1, 50)] };
    expect((await post(`${server.url}/predict/batch`, batch)).status).toBe(200);
    expect((await post(`${server.url}/predict`, { pixels: 'no' })).status).toBe(400);
    expect((await fetch(`${server.url}/a/secret/path`)).status).toBe(404);
    expect((await fetch(`${server.url}/%c0`)).status).toBe(400);

    const metrics = await scrape(server);
    const digest = server.model.digest.slice(0, 12);
    const model = `model="quarters",version="${digest}",digest="${digest}"`;
    expect(metrics.of('roble_requests_total')).toEqual({
      'route="/predict",status="200"': 4,
      'route="/predict/batch",status="200"': 1,
      'route="/predict",status="400"': 1,
      'route="none",status="404"': 1,
      'route="none",status="400"': 1,
    });
    expect(metrics.of('roble_requests_refused_total')).toEqual({
      'code="ROBLE_REQUEST_INVALID"': 2,
      'code="ROBLE_ROUTE_UNKNOWN"': 1,
    });
    expect(metrics.of('roble_batch_images_refused_total')).toEqual({ 'code="ROBLE_IMAGE_SHAPE"': 1 });
    expect(metrics.of('roble_images_total')).toEqual({
      [`${model},source="model"`]: 5,
      [`${model},source="memory"`]: 1,
    });
    expect(metrics.of('roble_image_stage_duration_seconds_count')).toEqual({
      'stage="decode"': 6,
      'stage="queue"': 5,
      'stage="infer"': 5,
    });
    expect(metrics.of('roble_image_duration_seconds_count')).toEqual({ '': 6 });
    expect(metrics.of('roble_batch_size_images_sum')).toEqual({ '': 5 });
    expect(metrics.of('roble_images_in_hand')).toEqual({ '': 0 });
    expect(metrics.of('roble_workers_ready')).toEqual({ [model]: 1 });
    expect(metrics.of('roble_queue_images')).toEqual({ [model]: 0 });
    expect(metrics.of('roble_cache_entries')).toEqual({ '': 5 });
    expect(metrics.of('roble_model_info')).toEqual({ [`${model},role="stable"`]: 1 });
    expect(metrics.text).not.toContain('secret');
  });

  it('tells the time in the queue from the time in the model', async () => {
    const server = await serve({
      model: await tinyBundle(join(root, 'slow'), { work: 20 }),
      workers: 1,
    });
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => (await ask(server, i + 1)).json()),
    );
    const timings = (answers as { timings: Record<string, number> }[]).map(({ timings }) => timings);
    for (const { decodeMs, queueMs, inferenceMs, totalMs } of timings) {
      expect(inferenceMs).toBeGreaterThan(0);
      expect(totalMs).toBeGreaterThanOrEqual(decodeMs! + queueMs! + inferenceMs!);
    }
    const metrics = await scrape(server);
    for (const [stage, name] of [
      ['queue', 'queueMs'],
      ['infer', 'inferenceMs'],
      ['decode', 'decodeMs'],
    ] as const)
      expect(metrics.of('roble_image_stage_duration_seconds_sum')[`stage="${stage}"`]).toBeCloseTo(
        timings.reduce((sum, all) => sum + all[name]!, 0) / 1000,
        5,
      );
    // One process: while it computes the first, all others wait.
    expect(Math.max(...timings.map(({ queueMs }) => queueMs!))).toBeGreaterThan(
      Math.min(...timings.map(({ queueMs }) => queueMs!)),
    );
  });

  it('counts clients that leave and requests that come too late', async () => {
    const server = await serve({ workers: 1 });
    const [worker] = await processIds(server);
    process.kill(worker!, 'SIGSTOP');
    const busy = ask(server, 1);
    const late = await ask(server, 2, { headers: { 'x-timeout-ms': '1' } });
    expect(late.status).toBe(504);
    // With a connection of its own, which goes with it.
    const leaving = request(`${server.url}/predict`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json' },
    });
    const left = once(leaving, 'response');
    leaving.end(JSON.stringify({ pixels: quarterPixels(0, 3) }));
    // That which waits for the process, and this one.
    await expect
      .poll(async () => (await scrape(server)).of('roble_images_in_hand')[''], { timeout: 20_000 })
      .toBe(2);
    leaving.destroy();
    await expect(left).rejects.toThrow();
    await expect
      .poll(async () => (await scrape(server)).of('roble_requests_refused_total'), { timeout: 20_000 })
      .toEqual({ 'code="ROBLE_DEADLINE_EXCEEDED"': 1, 'code="ROBLE_REQUEST_ABANDONED"': 1 });
    expect((await scrape(server)).of('roble_requests_total')['route="/predict",status="499"']).toBe(1);
    process.kill(worker!, 'SIGCONT');
    expect((await busy).status).toBe(200);
  });

  it('counts processes that are killed and models that are replaced, without losing a count', async () => {
    const server = await serve({ workers: 1 });
    await ask(server, 1);
    const [worker] = await processIds(server);
    process.kill(worker!, 'SIGKILL');
    await expect
      .poll(async () => (await scrape(server)).of('roble_worker_restarts_total')[''], { timeout: 20_000 })
      .toBe(1);
    await expect
      .poll(async () => Object.values((await scrape(server)).of('roble_workers_ready')), { timeout: 20_000 })
      .toEqual([1]);
    const next = await tinyBundle(join(root, 'next'), { name: 'next' });
    expect(await server.reload(next)).toBe(true);
    await expect(server.reload(join(root, 'nothing'))).rejects.toThrow();
    await ask(server, 2);
    const metrics = await scrape(server);
    expect(metrics.of('roble_worker_restarts_total')).toEqual({ '': 1 });
    expect(metrics.of('roble_batch_size_images_count')).toEqual({ '': 2 });
    expect(metrics.of('roble_model_changes_total')).toEqual({
      'model="quarters",result="served"': 1,
      'model="quarters",result="failed"': 1,
      'model="quarters",result="rolled-back"': 0,
    });
    expect(Object.values(metrics.of('roble_images_total'))).toEqual([1, 1]);
    expect(Object.keys(metrics.of('roble_model_info'))[0]).toContain('model="next"');
  });

  it('is of one server alone', async () => {
    const [one, two] = [await serve(), await serve()];
    await ask(one, 1);
    expect((await scrape(two)).of('roble_requests_total')).toEqual({});
    expect((await scrape(one)).of('roble_requests_total')).toEqual({ 'route="/predict",status="200"': 1 });
  });

  it('tells what the process uses', async () => {
    const metrics = await scrape(await serve());
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'process_start_time_seconds',
      'process_open_fds',
      'nodejs_heap_size_used_bytes',
    ])
      expect(metrics.of(name)['']).toBeGreaterThan(0);
    expect(Object.keys(metrics.of('roble_event_loop_lag_seconds'))).toHaveLength(3);
  });
});

describeWith('redis-server', 'redis-server')('with Redis', () => {
  it('tells the state of the breaker', async () => {
    const redis = await startRedis();
    try {
      const server = await serve({ cache: { memoryBytes: 0, ttlSeconds: 60, url: redis.url } });
      const breaker = async () => {
        const states = (await scrape(server)).of('roble_cache_redis_breaker');
        return Object.keys(states).filter((state) => states[state] === 1);
      };
      await ask(server, 1);
      expect(await breaker()).toEqual(['state="closed"']);
      redis.process.kill('SIGSTOP');
      for (let light = 2; light < 20; light++) await ask(server, light);
      expect(await breaker()).toEqual(['state="open"']);
      expect((await scrape(server)).of('roble_cache_redis_errors_total')['']).toBeGreaterThan(0);
    } finally {
      redis.process.kill('SIGCONT');
      await redis.stop();
    }
  });
});

describeWith('promtool', 'prometheus')('promtool', () => {
  it('finds nothing wrong with the metrics', async () => {
    const server = await serve();
    await ask(server, 1);
    await post(`${server.url}/predict`, {});
    const { text: metrics } = await scrape(server);
    const child = spawn('promtool', ['check', 'metrics'], { stdio: 'pipe' });
    child.stdin.end(metrics);
    const [output, errors, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    expect([code, output, errors]).toEqual([0, '', '']);
  });
});
