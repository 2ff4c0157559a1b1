/** KPIs from what the other commands and a real Prometheus leave behind. */
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ProgressEvent } from '../src/core/base/context.js';
import { loadConfig } from '../src/core/config/load.js';
import {
  createServer,
  type KpiReport,
  loadTest,
  type ReportKpisOptions,
  readHistory,
  reportKpis,
  trainModel,
} from '../src/index.js';
import { describeWith } from './support/programs.js';
import { startPrometheus } from './support/prometheus.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, tinyBundle } from './support/tiny-bundle.js';
import { tinyDataset } from './support/tiny-dataset.js';

const cli = join(import.meta.dirname, '..', 'bin', 'run.js');
let root: string;
let remove: () => Promise<void>;
let runs: string;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('kpi'));
  runs = join(root, 'runs');
  await trainModel({
    dataset: await tinyDataset(join(root, 'dataset')),
    run: join(runs, 'run-0001'),
    model: { preset: 'cnn-small' },
    train: { epochs: 3, batchSize: 16, threads: 1, learningRate: 0.01 },
  });
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => remove());

/** What is told of each indicator, by its name. */
const byName = ({ kpis }: KpiReport) => Object.fromEntries(kpis.map((kpi) => [kpi.name, kpi]));

/** What the command compares. */
const compare = (options: Omit<ReportKpisOptions, 'runs'>) => reportKpis({ runs, ...options });

/** Runs the command in the folder, with these targets in the configuration. */
async function kpiReport(kpis: string, ...words: string[]) {
  await writeFile(join(root, 'roble.config.yaml'), kpis);
  return execa(process.execPath, [cli, 'kpi:report', ...words], { cwd: root, reject: false });
}

describe('a run', () => {
  it('gives the accuracy of its best epoch and the median time of an epoch', async () => {
    const { epochs } = await readHistory(join(runs, 'run-0001'));
    const report = byName(await reportKpis({ kpis: { accuracy: 0.1, secondsPerEpoch: 600 }, runs }));
    expect(report.accuracy!.measured).toBe(Math.max(...epochs.map(({ valAccuracy }) => valAccuracy)));
    const times = epochs.map(({ trainSeconds, evaluationSeconds }) => trainSeconds + evaluationSeconds);
    expect(report.secondsPerEpoch!.measured).toBe(times.sort((a, b) => a - b)[1]);
    expect(report.accuracy!.source).toMatch(/run-0001, epoch \d of 3$/);
    expect([report.accuracy!.status, report.secondsPerEpoch!.status]).toEqual(['met', 'met']);
  });

  it('is named as not complete while epochs are to come', async () => {
    const folder = join(root, 'broken-off');
    await mkdir(folder);
    const lines = (await readFile(join(runs, 'run-0001', 'history.jsonl'), 'utf8')).trim().split('\n');
    const first = lines.findIndex((line) => JSON.parse(line).type === 'epoch');
    await writeFile(join(folder, 'history.jsonl'), `${lines.slice(0, first + 1).join('\n')}\n`);
    const warnings: ProgressEvent[] = [];
    const reporter = { report: (event: ProgressEvent) => void warnings.push(event) };
    const { accuracy } = byName(
      await reportKpis({ kpis: { accuracy: 0.1 }, runs, run: folder }, { reporter }),
    );
    expect(accuracy!.source).toContain('epoch 1 of 1 (not complete: 3 planned)');
  });
});

describe('roble kpi:report', () => {
  it('says what to write when there is no target', async () => {
    const { exitCode, stderr } = await kpiReport('');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('ROBLE_KPIS_MISSING');
    expect(stderr).toContain('accuracy: 0.85');
    await expect(compare({ kpis: {} })).rejects.toMatchObject({ code: 'ROBLE_KPIS_MISSING', exitCode: 2 });
  });

  it('refuses a percentage where a share is expected', async () => {
    await writeFile(join(root, 'roble.config.yaml'), 'kpis:\n  accuracy: 85\n  latency: 100\n');
    const refusal = await loadConfig({ cwd: root, env: {} }).catch((error) => error);
    expect(refusal).toMatchObject({ code: 'ROBLE_CONFIG_INVALID', exitCode: 2 });
    const problems = JSON.stringify(refusal);
    expect(problems).toMatch(/kpis\.accuracy.*<= 1, received 85/);
    expect(problems).toMatch(/kpis\.latency.*unknown key/);
  });

  it('ends with 4 for what is missed, and for what is not measured only when it is strict', async () => {
    const kpis = 'kpis:\n  accuracy: 0.01\n  latencyP99Ms: 150\n';
    const lenient = await kpiReport(kpis);
    expect(lenient.exitCode).toBe(0);
    expect(lenient.stdout).toMatch(/accuracy +at least 1 % .* met/);
    expect(lenient.stdout).toMatch(/latencyP99Ms +at most 150 ms +- +not measured +neither --load nor/);
    expect((await kpiReport(kpis, '--strict')).exitCode).toBe(4);
    const missed = await kpiReport('kpis:\n  secondsPerEpoch: 0.000001\n', '--json');
    expect(missed.exitCode).toBe(4);
    expect(JSON.parse(missed.stdout).result.kpis[0]).toMatchObject({ status: 'missed', target: 0.000001 });
  });

  it('finds no run where there is none, and refuses one that is named and missing', async () => {
    const kpis = 'kpis:\n  accuracy: 0.5\nruns: nowhere\n';
    const none = await kpiReport(kpis, '--json');
    expect(none.exitCode).toBe(0);
    expect(JSON.parse(none.stdout).result.kpis[0]).toMatchObject({ status: 'not-measured', measured: null });
    const named = await kpiReport(kpis, '--run', 'runs/run-0009');
    expect([named.exitCode, named.stderr]).toEqual([4, expect.stringContaining('ROBLE_FILE_NOT_FOUND')]);
  });

  it('reads what serve:bench writes, counts failures of the server, and writes the page once', async () => {
    const server = await createServer({ model: await tinyBundle(join(root, 'model')), port: 0 });
    closing.push(() => server.close());
    const load = join(root, 'load.json');
    const words = ['--rate', '50', '--duration', '1', '--warm-up', '0', '--json'];
    const { stdout } = await execa(process.execPath, [cli, 'serve:bench', server.url, ...words]);
    await writeFile(load, stdout);
    const kpis = 'kpis:\n  latencyP99Ms: 30000\n  availability: 0.999\n';
    const first = await kpiReport(kpis, '--load', 'load.json', '--json', '--markdown', 'kpis.md');
    const { measurement } = JSON.parse(stdout).result;
    const results = JSON.parse(first.stdout).result.kpis;
    expect(results.map(({ measured }: { measured: number }) => measured)).toEqual([
      measurement.latencyMs.p99,
      1,
    ]);
    expect(await readFile(join(root, 'kpis.md'), 'utf8')).toMatch(
      /\| availability \| at least 99.9 % \| 100 % \| met \|.*50 requests/,
    );
    const again = await kpiReport(kpis, '--load', 'load.json', '--markdown', 'kpis.md');
    expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining('--force')]);

    // The same test, had the server failed three times and not answered twice.
    const failing = JSON.parse(stdout);
    failing.result.measurement.statuses = { 200: 45, 503: 3, 429: 0 };
    failing.result.measurement.failed = 2;
    await writeFile(load, JSON.stringify(failing));
    const targets = { latencyP99Ms: 30_000, availability: 0.999 };
    const ofFile = async () => (await compare({ kpis: targets, service: { load } })).kpis;
    expect((await ofFile())[1]).toMatchObject({ status: 'missed', measured: 0.9 });

    const result = await loadTest({
      url: server.url,
      load: { loop: 'open', ratePerSecond: 50, arrivals: 'even' },
      ...{ durationSeconds: 0.2, warmUpSeconds: 0, connections: 4, timeoutMs: 30_000 },
      ...{ headers: {}, seed: 1, batch: 2, bounds: [], files: {}, force: false },
    });
    await writeFile(load, JSON.stringify({ ...JSON.parse(stdout), result }));
    expect((await ofFile())[0]).toMatchObject({
      status: 'not-measured',
      source: expect.stringContaining('/predict/batch'),
    });
    await rm(load);
  });

  it.each(['{"ok":false,"error":{}}', '{"p99":3}', 'p99 3 ms'])('refuses %j as a load test', async (text) => {
    const load = join(root, 'other.json');
    await writeFile(load, text);
    await expect(compare({ kpis: { availability: 0.999 }, service: { load } })).rejects.toMatchObject({
      code: 'ROBLE_LOAD_INVALID',
      exitCode: 4,
    });
  });
});

describeWith('prometheus', 'prometheus')('a real Prometheus', () => {
  /** Metrics of a server whose every second has so many requests: in all, failed, and in each bucket. */
  async function scriptedServer(buckets: Readonly<Record<string, number>>): Promise<string> {
    let scrapes = 0;
    const exporter = createHttpServer((_, response) => {
      scrapes++;
      const requests = (route: string, status: number, each: number) =>
        `roble_requests_total{route="${route}",status="${status}"} ${each * scrapes}\n`;
      const counts = Object.entries(buckets).map(
        ([le, each]) =>
          `roble_request_duration_seconds_bucket{route="/predict",le="${le}"} ${each * scrapes}\n`,
      );
      response.end(
        [
          requests('/predict', 200, 90),
          requests('/predict', 503, 10),
          requests('/metrics', 200, 1000),
          requests('/health/ready', 503, 50),
          requests('/v2/health/ready', 503, 50),
          '# TYPE roble_request_duration_seconds histogram\n',
          ...counts,
        ].join(''),
      );
    });
    exporter.listen(0, '127.0.0.1');
    await once(exporter, 'listening');
    closing.push(async () => {
      exporter.closeAllConnections();
      exporter.close();
    });
    return `http://127.0.0.1:${(exporter.address() as AddressInfo).port}`;
  }

  it('gives the figures of the service, each of its own job', async () => {
    const server = await createServer({
      model: await tinyBundle(join(root, 'served')),
      port: 0,
      admin: { host: '127.0.0.1', port: 0 },
    });
    closing.push(() => server.close());
    const prometheus = await startPrometheus(root, {
      real: server.adminUrl!,
      halfway: await scriptedServer({ 0.1: 98, 0.2: 100, '+Inf': 100 }),
      endless: await scriptedServer({ 10: 80, 30: 90, '+Inf': 100 }),
    });
    closing.push(() => prometheus.stop());
    const ask = async () => {
      const body = JSON.stringify({ pixels: quarterPixels(0, Math.ceil(Math.random() * 255)) });
      const headers = { 'content-type': 'application/json' };
      expect((await fetch(`${server.url}/predict`, { method: 'POST', headers, body })).status).toBe(200);
    };
    const report = async (job: string, kpis = {}, warnings: string[] = []) =>
      byName(
        await reportKpis(
          {
            kpis: { latencyP99Ms: 20_000, availability: 0.95, ...kpis },
            runs,
            service: { prometheus: { url: prometheus.url, window: '1h', labels: { job }, headers: {} } },
          },
          { reporter: { report: (event) => event.type === 'warning' && warnings.push(event.message) } },
        ),
      );

    // A time series needs two scrapes to tell an increase.
    await ask();
    await expect
      .poll(async () => {
        await ask();
        return prometheus.query('increase(roble_requests_total{job="real",route="/predict"}[1h]) > 1');
      })
      .toHaveLength(1);
    await expect
      .poll(() => prometheus.query('increase(roble_requests_total{job=~"endless|halfway",status="503"}[1h])'))
      .toHaveLength(6);

    const warnings: string[] = [];
    const real = await report('real', {}, warnings);
    expect(real.availability).toMatchObject({ measured: 1, status: 'met' });
    expect(real.latencyP99Ms!.status).toBe('met');
    expect(real.latencyP99Ms!.measured).toBeGreaterThan(0);
    expect(warnings).toEqual([expect.stringMatching(/of the last .* of 1h only/)]);

    const halfway = await report('halfway');
    // Rank 99 of 100 is in the middle of the bucket from 100 to 200 ms.
    expect(halfway.latencyP99Ms!.measured).toBeCloseTo(150, 6);
    // Neither the scrapes nor the failed probes are requests of users.
    expect(halfway.availability!.measured).toBeCloseTo(0.9, 6);
    expect(halfway.availability!.status).toBe('missed');

    // Prometheus itself says 30 s; a tenth of the requests took longer, and nobody knows how long.
    expect((await report('endless')).latencyP99Ms).toMatchObject({ measured: 30_000, status: 'missed' });
    expect((await report('endless', { latencyP99Ms: 60_000 })).latencyP99Ms!.status).toBe('not-measured');

    const none = await report('no "such" job');
    expect(none.availability).toMatchObject({ measured: null, status: 'not-measured' });
    expect(none.latencyP99Ms!.source).toContain('no request to /predict');

    const kpis = 'kpis:\n  availability: 0.95\n';
    const words = ['--prometheus', prometheus.url, '--match', 'job=halfway'];
    expect((await kpiReport(kpis, ...words, '--window', '1h')).exitCode).toBe(4);
  });

  it('is told from other servers, and from none, and is asked for a time that it knows', async () => {
    const ask = (url: string, window: string) =>
      compare({
        kpis: { availability: 0.95 },
        service: { prometheus: { url, window, labels: {}, headers: {} } },
      }).catch((error) => error);
    const other = await scriptedServer({});
    expect(await ask(other, '30d')).toMatchObject({ code: 'ROBLE_SERVER_UNREACHABLE', exitCode: 3 });
    const none = await kpiReport('kpis:\n  availability: 0.95\n', '--prometheus', '127.0.0.1:1');
    expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining('such as http://')]);
    const month = await ask(other, 'month');
    expect(month).toMatchObject({ code: 'ROBLE_USAGE', exitCode: 2 });
    expect(JSON.stringify(month)).toContain('such as 30d');
  });
});
