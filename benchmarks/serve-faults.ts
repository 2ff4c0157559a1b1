/**
 * Faults while `roble serve` is under an open loop at a moderate rate: how many requests fail, and how long they take. The
 * server has no help in front of it: no proxy, no retries of the client.
 *
 *   npm run bench:faults -- [--rate 200] [--duration 12] [--only NAME] [--json FILE]
 */
import { type ChildProcess, execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import Database from 'libsql';
import { freePort } from '../test/support/free-port.js';
import { createPostgres, type TestPostgres } from '../test/support/postgres.js';
import { startRedis, type TestRedis } from '../test/support/redis.js';
import { type Relay, relayedUrl } from '../test/support/relay.js';
import { bench, serveRoble, workersOf } from './served.js';
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
/** For a log to write what waits for it. */
const CATCH_UP_MS = 15_000;

/** What a fault can be done to. */
interface Scene {
  readonly url: string;
  readonly adminUrl: string;
  readonly server: ChildProcess;
  /** Folders of the bundle that is served, and of another one. */
  readonly model: string;
  readonly other: string;
  /** File of the log of predictions where there is no PostgreSQL. */
  readonly log: string;
  readonly redis?: TestRedis | undefined;
  readonly postgres?: TestPostgres | undefined;
  /** Between the server and its Redis or PostgreSQL. */
  readonly relay?: Relay | undefined;
}

interface Fault {
  readonly name: string;
  /** What the server is given besides its model; absent: at the address is nothing. */
  readonly store?: 'redis' | 'postgres' | 'absent redis' | 'absent postgres';
  readonly words?: readonly string[];
  /** Begins and ends it; started a third into the test. */
  readonly happen: (scene: Scene) => Promise<void>;
}

const TWO_WORKERS = ['--workers', '2'];
const firstWorker = async (url: string) => (await workersOf(url)).processIds[0]!;

const FAULTS: readonly Fault[] = [
  { name: 'none', happen: async () => {} },
  {
    name: 'a worker of two killed each second',
    words: TWO_WORKERS,
    happen: ({ url }) => eachSecond(async () => process.kill(await firstWorker(url), 'SIGKILL')),
  },
  {
    name: 'the only worker killed each second, when it is back',
    words: ['--workers', '1'],
    happen: ({ url }) =>
      eachSecond(async () => {
        const { ready, processIds } = await workersOf(url);
        if (ready > 0) process.kill(processIds[0]!, 'SIGKILL');
      }),
  },
  {
    name: 'a worker of two stopped (SIGSTOP), then continued',
    words: TWO_WORKERS,
    async happen({ url }) {
      const worker = await firstWorker(url);
      process.kill(worker, 'SIGSTOP');
      await sleep(THIRD_MS);
      process.kill(worker, 'SIGCONT');
    },
  },
  {
    name: 'a worker of two given no more memory each second (prlimit)',
    words: TWO_WORKERS,
    happen: ({ url }) =>
      eachSecond(async () =>
        promisify(execFile)('prlimit', ['--pid', `${await firstWorker(url)}`, '--as=100000000']),
      ),
  },
  { name: 'Redis absent from the start', store: 'absent redis', happen: async () => {} },
  { name: 'Redis killed', store: 'redis', happen: ({ redis }) => redis!.stop() },
  {
    name: 'Redis stopped (SIGSTOP), then continued',
    store: 'redis',
    async happen({ redis }) {
      redis!.process.kill('SIGSTOP');
      await sleep(THIRD_MS);
      redis!.process.kill('SIGCONT');
    },
  },
  { name: 'Redis silent, its connections open', store: 'redis', happen: silence },
  { name: 'Redis two seconds late', store: 'redis', happen: delay },
  {
    name: 'Redis out of memory',
    store: 'redis',
    happen: async ({ redis }) => void (await redis!.client.config('SET', 'maxmemory', '1')),
  },
  { name: 'PostgreSQL absent from the start', store: 'absent postgres', happen: async () => {} },
  {
    name: 'PostgreSQL killed, then started',
    store: 'postgres',
    async happen({ postgres }) {
      await postgres!.kill();
      await sleep(THIRD_MS);
      await postgres!.start();
    },
  },
  {
    name: 'PostgreSQL stopped (SIGSTOP), then continued',
    store: 'postgres',
    async happen({ postgres }) {
      await postgres!.signal('SIGSTOP');
      await sleep(THIRD_MS);
      await postgres!.signal('SIGCONT');
    },
  },
  { name: 'PostgreSQL silent, its connections open', store: 'postgres', happen: silence },
  { name: 'PostgreSQL two seconds late', store: 'postgres', happen: delay },
  {
    name: 'a process of PostgreSQL killed each second, as for want of memory',
    store: 'postgres',
    happen: ({ postgres }) =>
      eachSecond(async () => {
        const [backend] = await postgres!.backendProcessIds();
        if (backend) process.kill(backend, 'SIGKILL');
      }),
  },
  {
    name: 'SQLite locked by another process',
    async happen({ log }) {
      const other = new Database(log);
      other.exec('begin immediate');
      await sleep(THIRD_MS);
      other.exec('commit');
      other.close();
    },
  },
  {
    name: 'another model each second',
    async happen({ adminUrl, model, other }) {
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
    async happen({ server, model }) {
      await writeFile(join(model, 'model.onnx'), 'garbage');
      server.kill('SIGHUP');
    },
  },
];

async function silence({ relay }: Scene): Promise<void> {
  relay!.holdUp();
  await sleep(THIRD_MS);
  relay!.letGo();
}

async function delay({ relay }: Scene): Promise<void> {
  relay!.delayMs = 2000;
  await sleep(THIRD_MS);
  relay!.delayMs = 0;
}

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
  '| fault in the middle third | sent | answered 200 | other answers | failed | p99 before | p99 meanwhile | p99 after | longest | in the log |',
);
console.log('|---|---|---|---|---|---|---|---|---|---|');
for (const row of rows) console.log(`| ${Object.values(row).join(' | ')} |`);
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(rows, null, 1));

/** One fault, with a server and bundles of its own. */
async function measure(fault: Fault): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(root, 'fault-'));
  const [model, other] = [
    await writeServedBundle(join(folder, 'model')),
    await writeServedBundle(join(folder, 'other'), 2),
  ];
  const log = join(folder, 'log.db');
  const store = await openStore(fault.store, log);
  const adminPort = await freePort();
  const {
    url,
    process: server,
    stop,
  } = await serveRoble('roble', [
    ...['--model', model, '--admin-port', `${adminPort}`, ...store.words],
    ...(fault.words ?? []),
  ]);
  try {
    const adminUrl = `http://127.0.0.1:${adminPort}`;
    // What is measured begins after the warm-up.
    await bench(url, '--rate', values.rate, '--duration', '2');
    const test = bench(url, '--rate', values.rate, '--duration', values.duration, '--warm-up', '0');
    await firstRequest(url);
    await sleep(THIRD_MS);
    await fault.happen({ url, adminUrl, server, model, other, log, ...store });
    const { measurement } = await test;
    const row = { ...rowOf(fault.name, measurement), logged: await logged(url) };
    console.log(JSON.stringify(row));
    return row;
  } finally {
    await stop();
    await store.close();
  }
}

/** Redis or PostgreSQL behind a relay, as far as a fault needs them, and the words that name them. */
async function openStore(store: Fault['store'], log: string) {
  const words = (redis: string | undefined, predictions: string) => [
    ...(redis === undefined ? [] : ['--cache', redis]),
    ...['--predictions', predictions],
  ];
  if (store === undefined || store.startsWith('absent')) {
    const nowhere = `127.0.0.1:${await freePort()}`;
    return {
      words: words(
        store === 'absent redis' ? `redis://${nowhere}` : undefined,
        store === 'absent postgres' ? `postgres://roble@${nowhere}/postgres` : log,
      ),
      close: async () => {},
    };
  }
  const redis = store === 'redis' ? await startRedis() : undefined;
  const postgres = store === 'postgres' ? await createPostgres() : undefined;
  await postgres?.start();
  const { relay, url } = await relayedUrl((redis ?? postgres)!.url);
  return {
    redis,
    postgres,
    relay,
    words: words(redis && url, postgres ? url : log),
    async close() {
      await relay.close();
      await redis?.stop();
      await postgres?.remove();
    },
  };
}

/** Of what was answered, with the warm-up, what the log has; it is given time to catch up. */
async function logged(url: string): Promise<string> {
  interface Stats {
    readonly images: number;
    readonly predictionLog: { readonly written: number; readonly queued: number };
  }
  const end = performance.now() + CATCH_UP_MS;
  for (;;) {
    const { images, predictionLog } = (await (await fetch(`${url}/stats`)).json()) as Stats;
    const { written, queued } = predictionLog;
    if (queued === 0 || performance.now() > end)
      return `${written} of ${images}${queued > 0 ? `, ${queued} wait` : ''}`;
    await sleep(100);
  }
}

/** The generator needs a moment to start. */
async function firstRequest(url: string): Promise<void> {
  const count = async () => ((await (await fetch(`${url}/stats`)).json()) as { requests: number }).requests;
  const before = await count();
  while ((await count()) === before) await sleep(20);
}

function rowOf(name: string, measurement: Awaited<ReturnType<typeof bench>>['measurement']) {
  const { sent, statuses, failures, intervals, latencyMs } = measurement;
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
    others: listed(others),
    failed: listed(Object.entries(failures)),
    before: p99(0, 1),
    meanwhile: p99(1, 2),
    after: p99(2, 3),
    longest: latencyMs ? `${latencyMs.max.toFixed(0)} ms` : '–',
  };
}

function listed(counts: readonly (readonly [string, number])[]): string {
  return counts.map(([what, count]) => `${what}: ${count}`).join(', ') || '0';
}
