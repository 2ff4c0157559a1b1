/**
 * Faults while `roble serve` is under an open loop at a moderate rate: how many requests fail, and how long they take. The
 * server has no help in front of it: no proxy, no retries of the client.
 *
 *   npm run bench:faults -- [--rate 200] [--duration 12] [--only NAME] [--json FILE]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bench, freePort, serveRoble, workersOf } from './served.js';
import { writeServedBundle } from './served-bundle.js';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '200' },
    duration: { type: 'string', default: '12' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});
const seconds = Number(values.duration);
/** The fault begins after a third of the test, and ends after two thirds. */
const THIRD_MS = (seconds * 1000) / 3;

/** What a fault can be done to. */
interface Scene {
  readonly url: string;
  readonly adminUrl: string;
  readonly server: ChildProcess;
  readonly redis: ChildProcess | undefined;
  readonly redisPort: number;
  /** Folders of the bundle that is served, and of another one. */
  readonly model: string;
  readonly other: string;
}

interface Fault {
  readonly name: string;
  readonly redis?: 'running' | 'absent';
  readonly words?: readonly string[];
  /** Begins and ends it; started a third into the test. */
  readonly happen: (scene: Scene) => Promise<void>;
}

const FAULTS: readonly Fault[] = [
  { name: 'none', happen: async () => {} },
  {
    name: 'a worker of two killed each second',
    words: ['--workers', '2'],
    happen: ({ url }) =>
      eachSecond(async () => process.kill((await workersOf(url)).processIds[0]!, 'SIGKILL')),
  },
  {
    name: 'the only worker killed each second, when it is back',
    happen: ({ url }) =>
      eachSecond(async () => {
        const { ready, processIds } = await workersOf(url);
        if (ready > 0) process.kill(processIds[0]!, 'SIGKILL');
      }),
  },
  {
    name: 'a worker of two stopped (SIGSTOP), then continued',
    words: ['--workers', '2'],
    happen: async ({ url }) => {
      const [worker] = (await workersOf(url)).processIds;
      process.kill(worker!, 'SIGSTOP');
      await sleep(THIRD_MS);
      process.kill(worker!, 'SIGCONT');
    },
  },
  { name: 'Redis absent from the start', redis: 'absent', happen: async () => {} },
  {
    name: 'Redis killed',
    redis: 'running',
    happen: async ({ redis }) => void redis!.kill('SIGKILL'),
  },
  {
    name: 'Redis stopped (SIGSTOP), then continued',
    redis: 'running',
    happen: async ({ redis }) => {
      redis!.kill('SIGSTOP');
      await sleep(THIRD_MS);
      redis!.kill('SIGCONT');
    },
  },
  {
    name: 'another model each second',
    happen: async ({ adminUrl, model, other }) => {
      let next = other;
      await eachSecond(async () => {
        await reload(adminUrl, next);
        next = next === other ? model : other;
      });
    },
  },
  {
    name: 'SIGHUP each second',
    happen: ({ server }) => eachSecond(async () => void server.kill('SIGHUP')),
  },
  {
    name: 'the bundle overwritten by garbage, then SIGHUP',
    happen: async ({ server, model }) => {
      await writeFile(join(model, 'model.onnx'), 'garbage');
      server.kill('SIGHUP');
    },
  },
];

async function eachSecond(work: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + THIRD_MS;
  while (performance.now() < end) {
    await work();
    await sleep(1000);
  }
}

async function reload(adminUrl: string, folder: string): Promise<void> {
  const response = await fetch(`${adminUrl}/admin/models/cnn-v2/serve`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ folder }),
  });
  if (!response.ok) throw new Error(`The reload failed: ${await response.text()}`);
}

const root = await mkdtemp(join(tmpdir(), 'roble-faults-'));
const rows: Record<string, unknown>[] = [];
try {
  for (const fault of FAULTS)
    if (values.only === undefined || fault.name.includes(values.only)) rows.push(await measure(fault));
} finally {
  await rm(root, { recursive: true });
}
console.log(`\nOpen loop, ${values.rate} requests/s for ${seconds} s; p99 from when a request was due\n`);
console.log(
  '| fault in the middle third | sent | answered 200 | other answers | failed | p99 before | p99 meanwhile | p99 after | longest |',
);
console.log('|---|---|---|---|---|---|---|---|---|');
for (const row of rows) console.log(`| ${Object.values(row).join(' | ')} |`);
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(rows, null, 1));

/** One fault, with a server and bundles of its own. */
async function measure(fault: Fault): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(root, 'fault-'));
  const [model, other] = [
    await writeServedBundle(join(folder, 'model')),
    await writeServedBundle(join(folder, 'other'), 2),
  ];
  const [redisPort, adminPort] = [await freePort(), await freePort()];
  const redis = fault.redis === 'running' ? await startRedis(redisPort) : undefined;
  const {
    url,
    process: server,
    stop,
  } = await serveRoble('roble', [
    ...['--model', model, '--admin-port', `${adminPort}`, '--predictions', join(folder, 'log.db')],
    ...(fault.redis ? ['--cache', `redis://127.0.0.1:${redisPort}`] : []),
    ...(fault.words ?? []),
  ]);
  try {
    const scene = { url, adminUrl: `http://127.0.0.1:${adminPort}`, server, redis, redisPort, model, other };
    // What is measured begins after the warm-up.
    await bench(url, '--rate', values.rate, '--duration', '2');
    const test = bench(url, '--rate', values.rate, '--duration', values.duration, '--warm-up', '0');
    await firstRequest(url);
    await sleep(THIRD_MS);
    await fault.happen(scene);
    const { measurement } = await test;
    const row = rowOf(fault.name, measurement);
    console.log(JSON.stringify(row));
    return row;
  } finally {
    await stop();
    redis?.kill('SIGKILL');
  }
}

/** The generator needs a moment to start. */
async function firstRequest(url: string): Promise<void> {
  const count = async () => ((await (await fetch(`${url}/stats`)).json()) as { requests: number }).requests;
  const before = await count();
  while ((await count()) === before) await sleep(20);
}

function rowOf(name: string, measurement: Awaited<ReturnType<typeof bench>>['measurement']) {
  const { sent, statuses, failed, intervals, latencyMs } = measurement;
  const p99 = (from: number, to: number) => {
    const values = intervals
      .filter(({ at }) => at >= (seconds * from) / 3 && at < (seconds * to) / 3)
      .flatMap((interval) => interval.latencyMs?.p99 ?? []);
    return values.length === 0 ? '–' : `${Math.max(...values).toFixed(0)} ms`;
  };
  const others = Object.entries(statuses).filter(([status]) => status !== '200');
  return {
    name,
    sent,
    answered: statuses[200] ?? 0,
    others: others.map(([status, count]) => `${status}: ${count}`).join(', ') || '0',
    failed,
    before: p99(0, 1),
    meanwhile: p99(1, 2),
    after: p99(2, 3),
    longest: latencyMs ? `${latencyMs.max.toFixed(0)} ms` : '–',
  };
}

async function startRedis(port: number): Promise<ChildProcess> {
  const words = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const line of child.stdout) if (String(line).includes('Ready to accept')) break;
  if (child.exitCode !== null) await once(child, 'exit');
  return child;
}
