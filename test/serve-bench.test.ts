import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type LoadTestOptions, loadTest } from '../src/index.js';
import { freePort } from './support/free-port.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyBundle } from './support/tiny-bundle.js';

let root: string;
let bundle: string;
let remove: () => Promise<void>;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-bench'));
  bundle = await tinyBundle(join(root, 'model'));
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => remove());

const STATS = JSON.stringify({ model: { name: 'fake', input: { height: 4, width: 4, channels: 1 } } });
type Answer = (since: number) => { delayMs?: number; status?: number; cut?: boolean };

/** A server that says what it is, and answers as told by the milliseconds since its first prediction. */
async function scriptedServer(answer: Answer): Promise<string> {
  let first: number | undefined;
  const server = createHttpServer((request, response) => {
    request.resume();
    if (request.url === '/stats') return void response.end(STATS);
    first ??= performance.now();
    const { delayMs = 0, status = 200, cut = false } = answer(performance.now() - first);
    setTimeout(() => {
      if (cut) request.socket.destroy();
      else response.writeHead(status).end('{}');
    }, delayMs);
  });
  return listening(server);
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const OPTIONS: Omit<LoadTestOptions, 'url'> = {
  load: { loop: 'open', ratePerSecond: 200, arrivals: 'even' },
  durationSeconds: 1,
  warmUpSeconds: 0,
  connections: 512,
  timeoutMs: 20_000,
  headers: {},
  seed: 1,
  batch: 1,
  bounds: [],
  files: {},
  force: false,
};
/** Nothing is answered for half of the second. */
const stall: Answer = (since) => ({ delayMs: since > 250 && since < 750 ? 750 - since : 0 });

describe('the open loop', () => {
  it('charges a stall of half a second to all who came meanwhile, which a closed loop hides', async () => {
    const open = await loadTest({ ...OPTIONS, url: await scriptedServer(stall) });
    const closed = await loadTest({
      ...OPTIONS,
      load: { loop: 'closed', concurrency: 1 },
      url: await scriptedServer(stall),
    });
    // Half of the requests came within the stall, evenly: the 99th percentile is close to its whole length.
    expect(open.measurement.latencyMs!.p99).toBeGreaterThan(450);
    expect(open.measurement.latencyMs!.p90).toBeGreaterThan(350);
    // One client met it once, and sent hundreds of requests before and after.
    expect(closed.measurement.latencyMs!.p90).toBeLessThan(250);
    expect(closed.measurement.latencyMs!.max).toBeGreaterThan(350);
  });

  it('counts the waiting for a free connection', async () => {
    const url = await scriptedServer(stall);
    const { measurement } = await loadTest({ ...OPTIONS, url, connections: 2 });
    expect(measurement.latencyMs!.p99).toBeGreaterThan(450);
    expect(measurement.accepted).toBe(200);
  });

  it.each(['even', 'poisson'] as const)('sends what is due: %s', async (arrivals) => {
    const url = await scriptedServer(() => ({}));
    const load = { loop: 'open', ratePerSecond: 300, arrivals } as const;
    const { measurement } = await loadTest({ ...OPTIONS, url, load });
    const { sent, dropped, intervals } = measurement;
    // Five standard deviations of a Poisson count of 300.
    if (arrivals === 'even') expect(sent).toBe(300);
    else expect(Math.abs(sent - 300)).toBeLessThan(5 * Math.sqrt(300));
    expect(dropped).toBe(0);
    expect(intervals.map((interval) => interval.sent).reduce((a, b) => a + b)).toBe(sent);
    for (const interval of intervals)
      expect(Math.abs(interval.sent - 150)).toBeLessThanOrEqual(arrivals === 'even' ? 0 : 75);
  });
});

describe('the counts', () => {
  it('add up, whatever the server does', async () => {
    let number = 0;
    const url = await scriptedServer(() => {
      number++;
      return { status: number % 3 === 0 ? 429 : 200, cut: number % 5 === 0 };
    });
    const { measurement } = await loadTest({ ...OPTIONS, url });
    const { sent, answered, accepted, failed, statuses, failures } = measurement;
    expect(sent).toBe(200);
    expect(answered + failed).toBe(sent);
    expect(failed).toBe(40);
    expect(accepted).toBe(statuses[200]);
    expect(statuses[200]! + statuses[429]!).toBe(answered);
    expect(Object.values(failures).reduce((a, b) => a + b)).toBe(failed);
  });

  it('name requests that were never answered', async () => {
    const url = await scriptedServer((since) => ({ delayMs: since > 500 ? 60_000 : 0 }));
    const { measurement } = await loadTest({ ...OPTIONS, url, timeoutMs: 1000 });
    expect(measurement.failed).toBeGreaterThan(50);
    expect(measurement.answered + measurement.failed).toBe(200);
  });
});

describe('of a roble server', () => {
  it('sends pictures that no cache knows, or that it comes to know', async () => {
    const server = await createServer({ model: bundle, port: 0, workers: 0 });
    closing.push(() => server.close());
    const load = { loop: 'open', ratePerSecond: 50, arrivals: 'even' } as const;
    const fresh = await loadTest({ ...OPTIONS, url: server.url, load });
    expect(fresh.measurement.statuses).toEqual({ 200: 50 });
    expect(fresh.pictures).toEqual(['grey PNG', 'RGB PNG', 'RGBA PNG 280x280', 'JPEG 640x480']);
    expect(fresh.answers).toMatchObject({ model: 50, memory: 0 });
    const again = await loadTest({ ...OPTIONS, url: server.url, load, repeat: 10 });
    // The first ten of those before: the seed is the same.
    expect(again.answers).toMatchObject({ model: 0, memory: 50 });
    const batches = await loadTest({ ...OPTIONS, url: server.url, load, batch: 5, repeat: 10 });
    expect(batches.measurement.statuses).toEqual({ 200: 50 });
    expect(batches.answers).toMatchObject({ memory: 250 });
  });
});

describe('the highest rate', () => {
  it('is not above what the server does', async () => {
    // Two hundred requests a second, one after the other.
    let free = 0;
    const url = await scriptedServer((since) => {
      free = Math.max(free, since) + 5;
      return { delayMs: free - since };
    });
    const html = join(root, 'knee.html');
    const { knee } = await loadTest({
      ...OPTIONS,
      url,
      load: { loop: 'open', ratePerSecond: 60, arrivals: 'even' },
      knee: { p99Ms: 100, badShare: 0.01 },
      files: { html },
    });
    const page = await readFile(html, 'utf8');
    expect(page).toContain('p99 by rate, milliseconds');
    expect(page).toMatch(/<h3[^>]*>The highest rate</);
    // On a busy machine it may be the generator that is late, and the rate that is found lower.
    expect(knee!.ratePerSecond ?? 0).toBeLessThan(300);
    expect(knee!.steps.some(({ missed }) => missed !== undefined)).toBe(true);
  });
});

describe('a load test', () => {
  it.each([
    ['what is no URL', async () => 'localhost', 'ROBLE_USAGE', 2],
    ['a URL with a path', async () => 'http://127.0.0.1/predict', 'ROBLE_USAGE', 2],
    [
      'another server',
      () => listening(createHttpServer((_, response) => void response.end('hello'))),
      'ROBLE_SERVER_UNREACHABLE',
      3,
    ],
  ])('refuses %s', async (_, url, code, exitCode) => {
    await expect(loadTest({ ...OPTIONS, url: await url() })).rejects.toMatchObject({ code, exitCode });
  });
});

describe('the command', () => {
  const run = (...words: string[]) =>
    execa(process.execPath, [join(import.meta.dirname, '..', 'bin', 'run.js'), 'serve:bench', ...words], {
      reject: false,
    });

  it('prints numbers, writes the plots, and ends with 4 when a bound is missed', async () => {
    const url = await scriptedServer(() => ({ delayMs: 30 }));
    const [html, svg] = [join(root, 'load.html'), join(root, 'load.svg')];
    const words = [url, '--rate', '50', '--duration', '1', '--warm-up', '0', '--html', html, '--svg', svg];
    const text = await run(...words, '--fail-over', 'p50Ms=10');
    expect(text.stdout).toMatch(/sent +50\n/);
    expect(text.stdout).toMatch(/by status +200: 50\n/);
    expect(text.stdout).toContain('missed: p50Ms');
    expect(text.exitCode).toBe(4);
    expect(await readFile(html, 'utf8')).toContain('Latency, milliseconds');
    expect(await readFile(svg, 'utf8')).toMatch(/^<svg/);
    const refused = await run(...words, '--json');
    expect(JSON.parse(refused.stdout).error.code).toBe('ROBLE_OUTPUT_EXISTS');
  });

  it('ends with 3 where nothing listens', async () => {
    const { stdout, exitCode } = await run(`http://127.0.0.1:${await freePort()}`, '--json');
    expect([JSON.parse(stdout).error.code, exitCode]).toEqual(['ROBLE_SERVER_UNREACHABLE', 3]);
  });

  it('leaves "serve" as it was', async () => {
    const { stdout } = await execa(process.execPath, [
      join(import.meta.dirname, '..', 'bin', 'run.js'),
      'serve',
      '--help',
    ]);
    expect(stdout).toContain('--workers');
    expect(stdout).toContain('serve:bench');
  });
});

describe('the script for k6', () => {
  it('is a module that parses', async () => {
    const script = await readFile(join(import.meta.dirname, '..', 'templates', 'k6', 'predict.js'), 'utf8');
    await execa(process.execPath, ['--input-type=module', '--check'], { input: script });
  });
});
