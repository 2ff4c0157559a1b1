/**
 * `roble serve` under load, in interleaved rounds: an open loop, a warm cache, below the capacity and at three times as much; or
 * its memory. The servers and the load generator are processes of their own on this machine and share its processors.
 *
 *   npm run bench:load -- [--rounds 3] [--duration 5] [--rate 1000] [--only REGEXP] [--json FILE]
 *   npm run bench:load -- --memory 200000
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LoadTestResult } from '../src/core/operations/load-test/load-test.js';
import { median } from './results.js';
import { bench, processorSeconds, residentMib, type Served, serveRoble, workersOf } from './served.js';
import { writeServedBundle } from './served-bundle.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    duration: { type: 'string', default: '5' },
    rate: { type: 'string', default: '1000' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
    memory: { type: 'string' },
  },
});
const cores = availableParallelism();
/** What the generator sends in one request costs the server as much as so many: beside it on few cores it keeps up. */
const BATCH = ['--batch', '16'];
/** Connections are opened and programs compiled before it is measured. */
const WARM_UP_SECONDS = '2';
const BUSY_BATCHES = 'closed loop, 16 clients, batches of 16';
const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
const model = await writeServedBundle(join(folder, 'model'));
/** Without a log of predictions. */
const WORDS = ['--model', model, '--predictions', 'none'];

/** A load, and which of its figures is compared. */
interface Discipline {
  readonly name: string;
  readonly words: readonly string[];
  /** An open loop of so many times what the server answered last of `BUSY_BATCHES`. */
  readonly timesCapacity?: number;
}

const DISCIPLINES: readonly Discipline[] = [
  { name: `open loop, ${values.rate}/s`, words: open(Number(values.rate)) },
  {
    name: 'warm cache, 32 clients',
    words: ['--closed', '--concurrency', '32', '--repeat', '100'],
  },
  { name: BUSY_BATCHES, words: ['--closed', '--concurrency', '16', ...BATCH] },
  ...[0.8, 3].map((timesCapacity) => ({
    name: `${timesCapacity} times that capacity, batches of 16`,
    words: [...BATCH, '--connections', '1000'],
    timesCapacity,
  })),
];

function open(rate: number): string[] {
  return ['--rate', String(Math.round(rate)), '--timeout', '10'];
}

try {
  if (values.memory === undefined) await compare();
  else await watchMemory(Number(values.memory));
} finally {
  await rm(folder, { recursive: true });
}

async function compare(): Promise<void> {
  const servers = [
    await serveRoble('roble, 1 worker', [...WORDS, '--workers', '1']),
    await serveRoble(`roble, ${cores} workers`, [...WORDS, '--workers', `${cores}`]),
    await serveRoble('roble, 1 worker, with its log', [
      '--model',
      model,
      '--predictions',
      join(folder, 'log.db'),
    ]),
  ];
  const results: Result[] = [];
  const capacities = new Map<Served, number>();
  const chosen = DISCIPLINES.filter(({ name }) => new RegExp(values.only).test(name));
  // Shares of the capacity need it.
  const disciplines = DISCIPLINES.filter(
    (one) =>
      chosen.includes(one) ||
      (one.name === BUSY_BATCHES && chosen.some(({ timesCapacity }) => timesCapacity !== undefined)),
  );
  try {
    for (let round = 0; round <= Number(values.rounds); round++)
      for (const discipline of disciplines)
        for (const server of servers) {
          const { name, words, timesCapacity } = discipline;
          const rate = timesCapacity === undefined ? [] : open(timesCapacity * capacities.get(server)!);
          const result = {
            ...(await measure(server, [...words, ...rate])),
            server: server.name,
            discipline: name,
          };
          if (name === BUSY_BATCHES) capacities.set(server, result.measurement.requestsPerSecond);
          // The first round warms up.
          if (round === 0) continue;
          results.push(result);
          console.log(`round ${round}: ${name}, ${server.name}: ${figures(result)}`);
        }
  } finally {
    for (const server of servers) await server.stop();
  }
  report(results);
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify(results, null, 1));
}

interface Result {
  readonly server: string;
  readonly discipline: string;
  readonly measurement: LoadTestResult['measurement'];
  /** Processor time of the server and its processes for an answered request: hardly moved by what else the machine does. */
  readonly processorMs: number;
}

/** The processor time is that of all requests, with those of the warm-up. */
async function measure(
  { url, process: { pid } }: Served,
  words: readonly string[],
): Promise<Pick<Result, 'measurement' | 'processorMs'>> {
  const before = await processorSeconds(pid!);
  const { measurement } = await bench(
    url,
    '--duration',
    values.duration,
    '--warm-up',
    WARM_UP_SECONDS,
    ...words,
  );
  const seconds = (await processorSeconds(pid!)) - before;
  return {
    measurement,
    processorMs: (1000 * seconds) / Math.max(1, measurement.answered + measurement.warmUpAnswered),
  };
}

function figures({ measurement, processorMs }: Result) {
  const { requestsPerSecond, latencyMs, lagMs, sent, statuses, failed, keptRate } = measurement;
  const ms = (value: number | undefined) => `${value?.toFixed(1)} ms`;
  return [
    `${requestsPerSecond.toFixed(0)} requests/s`,
    `p50 ${ms(latencyMs?.p50)}, p99 ${ms(latencyMs?.p99)}`,
    `${processorMs.toFixed(2)} ms of the processor`,
    ...(lagMs && lagMs.max > 0.001 ? [`own lag p99 ${ms(lagMs.p99)}`] : []),
    ...(statuses[429] ? [`${((100 * statuses[429]) / sent).toFixed(0)} % refused`] : []),
    ...(failed ? [`${failed} failed`] : []),
    ...(keptRate ? [] : ['the generator was late']),
  ].join(', ');
}

/** Medians of each server in each discipline. */
function report(results: readonly Result[]): void {
  for (const discipline of new Set(results.map((result) => result.discipline))) {
    console.log(`\n${discipline}`);
    const of = results.filter((result) => result.discipline === discipline);
    const rows = [...new Set(of.map(({ server }) => server))].map((server) =>
      middleOf(of.filter((result) => result.server === server)),
    );
    for (const { server, rate, p50, p99, refused, processorMs } of rows)
      console.log(
        `  ${server.padEnd(30)} ${rate.toFixed(0).padStart(6)} requests/s  p50 ${p50.toFixed(1).padStart(8)} ms  p99 ${p99.toFixed(1).padStart(8)} ms  processor ${processorMs.toFixed(2).padStart(6)} ms a request${refused > 0 ? `  ${refused.toFixed(0)} % refused` : ''}`,
      );
  }
}

function middleOf(results: readonly Result[]) {
  const middle = (value: (result: Result) => number | undefined) =>
    median(results.map((result) => value(result) ?? Number.POSITIVE_INFINITY));
  return {
    server: results[0]!.server,
    rate: middle(({ measurement }) => measurement.requestsPerSecond),
    p50: middle(({ measurement }) => measurement.latencyMs?.p50),
    p99: middle(({ measurement }) => measurement.latencyMs?.p99),
    refused: middle(({ measurement }) => (100 * (measurement.statuses[429] ?? 0)) / measurement.sent),
    processorMs: middle((result) => result.processorMs),
  };
}

/** Resident memory while so many pictures, each another one, are answered. */
async function watchMemory(count: number): Promise<void> {
  const server = await serveRoble('roble', ['--model', model, '--predictions', join(folder, 'log.db')]);
  const { processIds: workers } = await workersOf(server.url);
  const show = async (when: string) => {
    const own = await residentMib(server.process.pid!);
    const theirs = await Promise.all(workers.map(residentMib));
    console.log(
      `${when}: server ${own.toFixed(0)} MiB, inference ${theirs.map((mib) => `${mib.toFixed(0)} MiB`).join(', ')}`,
    );
  };
  try {
    await show('at the start');
    let sent = 0;
    const parts = 8;
    for (let part = 1; part <= parts; part++) {
      while (sent < (count * part) / parts)
        sent += (await bench(server.url, '--closed', '--duration', values.duration)).measurement.sent;
      await show(`after ${sent} pictures`);
    }
  } finally {
    await server.stop();
  }
}
