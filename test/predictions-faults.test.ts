import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import Database from 'libsql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exists } from '../src/core/base/storage/files.js';
import { type LogWaits, PredictionLog } from '../src/core/serving/predictions/prediction-log.js';
import { PredictionStore } from '../src/core/serving/predictions/prediction-store.js';
import { preprocessingSchema, readPredictions } from '../src/index.js';
import { createPostgres, type TestPostgres } from './support/postgres.js';
import { type PredictionServer, servePredictions } from './support/prediction-server.js';
import { describeWith } from './support/programs.js';
import { type Relay, relayedUrl } from './support/relay.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');
const PATIENT = { timeout: 60_000, interval: 20 };
/** Of a log as users have it. */
const USUAL: Partial<LogWaits> = {};
/** Of one that notices sooner that its database is away, and that it is back. */
const QUICK: LogWaits = { connectMs: 1000, statementMs: 1000, maxBackoffMs: 200 };

let root: string;
let bundle: string;
let remove: () => Promise<void>;
let count = 0;
const servers: PredictionServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('prediction-faults'));
  bundle = await tinyBundle(join(root, 'model'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => remove());

async function serve(
  url: string,
  { waits = QUICK, ...predictions }: { maxQueueBytes?: number; waits?: Partial<LogWaits> } = {},
): Promise<PredictionServer> {
  const server = await servePredictions(bundle, { url, ...predictions }, {}, waits);
  servers.push(server);
  return server;
}

/** Asks about so many pictures; every one has to be answered, and rightly. */
async function answers(server: PredictionServer, amount: number): Promise<void> {
  for (let i = 0; i < amount; i++) {
    const { status, body } = await server.predict(i % 4, 1 + (i % 250));
    expect([status, body.predictions[0].label]).toEqual([200, TINY_CLASSES[i % 4]]);
  }
}

/** A server whose first four predictions are in its log. */
async function serveAndWrite(url: string, waits: Partial<LogWaits> = QUICK): Promise<PredictionServer> {
  const server = await serve(url, { waits });
  await answers(server, 4);
  await expect.poll(async () => (await server.log()).written, PATIENT).toBe(4);
  return server;
}

async function countRows(url: string): Promise<number> {
  let rows = 0;
  for await (const _ of readPredictions(url)) rows++;
  return rows;
}

/** Every prediction is in the log once, or counted as dropped, and the log says that it is back. */
async function accountsFor(server: PredictionServer, url: string, amount: number): Promise<void> {
  await expect
    .poll(async () => {
      const { written, dropped, queued } = await server.log();
      return { sum: written + dropped, queued };
    }, PATIENT)
    .toEqual({ sum: amount, queued: 0 });
  const { written, queuedBytes } = await server.log();
  expect([await countRows(url), queuedBytes]).toEqual([written, 0]);
  const [lost, ...later] = server.warnings;
  expect(lost).toContain('predictions go on without it');
  expect(later).toContain('The prediction log is back.');
}

const saysLost = (server: PredictionServer) =>
  expect.poll(() => server.warnings.join(), PATIENT).toContain('predictions go on without it');

describeWith('postgres', 'postgresql')('PostgreSQL', () => {
  let postgres: TestPostgres;
  /** Of a database of the test's own. */
  let url: string;
  beforeAll(async () => {
    postgres = await createPostgres();
  });
  beforeEach(async () => {
    await postgres.start();
    url = await postgres.createDatabase();
  });
  afterEach(() => postgres.kill());
  afterAll(() => postgres.remove());

  it('need not be there at the start', async () => {
    await postgres.kill();
    const server = await serve(url);
    await answers(server, 20);
    await saysLost(server);
    const { body } = await server.predict(1, 251);
    const refused = await server.post('/feedback', { requestId: body.requestId, label: 'top-left' });
    expect([refused.status, refused.body.code]).toEqual([503, 'ROBLE_PREDICTIONS_UNAVAILABLE']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await server.log()).toMatchObject({ written: 0, queued: 21, dropped: 0 });
    await postgres.start();
    await accountsFor(server, url, 21);
    const taken = await server.post('/feedback', { requestId: body.requestId, label: 'top-left' });
    expect(taken.status).toBe(201);
  });

  it('may hang', async () => {
    const server = await serveAndWrite(url, USUAL);
    await postgres.signal('SIGSTOP');
    await answers(server, 40);
    await saysLost(server);
    await answers(server, 10);
    const feedback = await server.post('/feedback', { requestId: 'any', label: 'top-left' });
    expect(feedback.status).toBe(503);
    await postgres.signal('SIGCONT');
    await accountsFor(server, url, 54);
  });

  it('may be killed and come back', async () => {
    const server = await serveAndWrite(url);
    await postgres.kill();
    await answers(server, 40);
    await saysLost(server);
    await postgres.start();
    await accountsFor(server, url, 44);
  });

  it.each<[string, (relay: Relay) => void, (relay: Relay) => void]>([
    ['fall silent without closing a connection', (relay) => relay.holdUp(), (relay) => relay.letGo()],
    [
      'answer too late',
      (relay) => {
        relay.delayMs = 2 * QUICK.statementMs;
      },
      (relay) => {
        relay.delayMs = 0;
      },
    ],
  ])('may %s', async (_, begin, end) => {
    const { relay, url: relayed } = await relayedUrl(url);
    try {
      const server = await serveAndWrite(relayed);
      begin(relay);
      await answers(server, 40);
      await saysLost(server);
      end(relay);
      // What was written although its confirmation was lost is not written twice.
      await accountsFor(server, url, 44);
    } finally {
      await relay.close();
    }
  });

  it('may answer two seconds late', async () => {
    const { relay, url: relayed } = await relayedUrl(url);
    try {
      const server = await serveAndWrite(relayed, USUAL);
      relay.delayMs = 2000;
      await answers(server, 40);
      await expect.poll(async () => (await server.log()).written, PATIENT).toBe(44);
      expect(await countRows(url)).toBe(44);
    } finally {
      await relay.close();
    }
  });

  it('may lose a process that it works with, as by the killer of the kernel', async () => {
    const server = await serveAndWrite(url);
    process.kill((await postgres.backendProcessIds())[0]!, 'SIGKILL');
    await answers(server, 40);
    await expect
      .poll(async () => (await server.log()).written + (await server.log()).dropped, PATIENT)
      .toBe(44);
    expect(await countRows(url)).toBe((await server.log()).written);
  });

  it('that stays away costs no more memory than the queue may have', async () => {
    await postgres.kill();
    const maxQueueBytes = 40_000;
    const server = await serve(url, { maxQueueBytes });
    await answers(server, 120);
    const { dropped, queuedBytes } = await server.log();
    expect(dropped).toBeGreaterThan(0);
    expect(queuedBytes).toBeLessThanOrEqual(maxQueueBytes);
    expect(server.warnings.filter((message) => message.includes('is full'))).toHaveLength(1);
    await postgres.start();
    await accountsFor(server, url, 120);
  });

  it('that hangs does not hold the end of the server up', async () => {
    const server = await servePredictions(bundle, { url }, { shutdownTimeoutMs: 500 });
    await answers(server, 1);
    await expect.poll(async () => (await server.log()).written, PATIENT).toBe(1);
    await postgres.signal('SIGSTOP');
    await answers(server, 5);
    const started = performance.now();
    await server.close();
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(server.warnings.join()).toContain('5 predictions could not be written');
    await postgres.signal('SIGCONT');
  });

  it('that refuses one prediction takes the others', async () => {
    const log = new PredictionLog({ url, maxQueueBytes: 1_000_000, warn: () => {} });
    // No text of PostgreSQL holds this character.
    for (const requestId of ['a', 'b', 'no\u0000no', 'c']) log.add({ ...samplePrediction(), requestId });
    await log.close(30_000);
    expect(log.toJSON()).toMatchObject({ written: 3, dropped: 1, queued: 0 });
    expect(await countRows(url)).toBe(3);
  });
});

describe('SQLite', () => {
  const freshFile = () => join(root, `log-${count++}`, 'predictions.db');

  it('need not be able to write its file', async () => {
    const url = freshFile();
    // A file where the folder should be: no permission of any user helps against that.
    await writeFile(dirname(url), '');
    const server = await serve(url);
    await answers(server, 20);
    await saysLost(server);
    await rm(dirname(url));
    await accountsFor(server, url, 20);
  });

  it('is set up while another process does the same', async () => {
    const url = freshFile();
    await mkdir(dirname(url));
    // What SQLite does not wait for by itself: both want to change the kind of journal.
    const other = new Database(url);
    other.exec('create table begun (a)');
    other.exec('begin immediate');
    const store = new PredictionStore(url);
    const connected = store.connect();
    const succeeds = expect(connected).resolves.toBeUndefined();
    await setTimeout(1500);
    other.exec('commit');
    other.close();
    await succeeds;
    await store.close();
  });

  it('may be locked by another process', async () => {
    const url = freshFile();
    const server = await serveAndWrite(url);
    const other = new Database(url);
    other.exec('begin immediate');
    await answers(server, 40);
    await saysLost(server);
    other.exec('commit');
    other.close();
    await accountsFor(server, url, 44);
  });

  it.runIf(process.getuid!() === 0)('may have no space on its disk', async () => {
    const disk = join(root, `disk-${count++}`);
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      const url = join(disk, 'predictions.db');
      const server = await serveAndWrite(url);
      const filler = join(disk, 'filler');
      await writeFile(filler, Buffer.alloc(2_000_000)).catch((error) => expect(error.code).toBe('ENOSPC'));
      await answers(server, 100);
      await saysLost(server);
      await rm(filler);
      await accountsFor(server, url, 104);
      await server.close();
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

it('the command keeps its log in the project, and none where it is told so', async () => {
  for (const words of [[], ['--predictions', 'none']]) {
    const folder = join(root, `project-${count++}`);
    await mkdir(folder);
    const child = execa(
      process.execPath,
      [CLI, 'serve', '--model', bundle, '--port', '0', '--workers', '0', ...words],
      {
        cwd: folder,
        reject: false,
      },
    );
    let output = '';
    child.stderr.on('data', (data) => {
      output += data;
    });
    await expect.poll(() => /at (http:\S+)/.exec(output)?.[1], PATIENT).toBeTruthy();
    const url = /at (http:\S+)/.exec(output)![1]!;
    const body = Buffer.from('P5 8 8 255\n'.padEnd(75, '\u0001'), 'latin1');
    await fetch(`${url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/x-portable-graymap' },
      body,
    });
    child.kill('SIGTERM');
    expect((await child).exitCode).toBe(0);
    expect(await exists(join(folder, '.roble', 'predictions.db'))).toBe(words.length === 0);
  }
});

function samplePrediction() {
  return {
    index: 0,
    at: new Date(),
    model: {
      digest: 'digest',
      name: 'quarters',
      classes: TINY_CLASSES,
      preprocessing: preprocessingSchema.parse({ width: 8, height: 8 }),
    },
    predictions: [{ label: TINY_CLASSES[0]!, probability: 0.75 }],
    source: 'model',
    timings: { decodeMs: 0.5, queueMs: 0.1, inferenceMs: 1.5, totalMs: 2.2 },
  };
}
