/** Servers in processes of their own, and the load generator of `serve:bench` in another one, for benchmarks of serving. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LoadTestResult } from '../src/core/operations/load-test/load-test.js';
import { freePort } from '../test/support/free-port.js';
import { type Rivals, script } from './rivals.js';

const CLI = fileURLToPath(new URL('../bin/run.js', import.meta.url));
const START_MS = 120_000;

export interface Served {
  readonly name: string;
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** `roble serve` of the built package, on any free port. */
export async function serveRoble(
  name: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const child = spawn(process.execPath, [CLI, 'serve', '--port', '0', ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  const address = () => / at (http:\S+)/.exec(said)?.[1];
  await until(
    () => address() !== undefined,
    child,
    () => said,
  );
  return served(name, address()!, child);
}

/** The network of a bundle by FastAPI and ONNX Runtime. */
export async function serveFastApi(
  name: string,
  { python }: Rivals,
  bundle: string,
  processes: number,
  threads: number,
): Promise<Served> {
  const port = await freePort();
  const words = [port, processes, threads, join(bundle, 'model.onnx')].map(String);
  // Its processes import it by name.
  const child = spawn(python, ['serve.py', ...words], { stdio: 'inherit', cwd: script('.') });
  const url = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(`${url}/health/live`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(answers, child, () => '');
  return served(name, url, child);
}

function served(name: string, url: string, child: ChildProcess): Served {
  return {
    name,
    url,
    process: child,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function until(
  isReady: () => boolean | Promise<boolean>,
  child: ChildProcess,
  said: () => string,
): Promise<void> {
  const end = performance.now() + START_MS;
  while (!(await isReady())) {
    if (child.exitCode !== null || performance.now() > end)
      throw new Error(`A server did not start. It said: ${said()}`);
    await sleep(50);
  }
}

/** What `roble serve:bench` measures, run as a process of its own. */
export async function bench(url: string, ...words: string[]): Promise<LoadTestResult> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [CLI, 'serve:bench', url, '--json', ...words],
    {
      maxBuffer: 2 ** 28,
    },
  );
  return (JSON.parse(stdout) as { result: LoadTestResult }).result;
}

/** Ticks of the clock in a second, by which Linux counts. */
const TICKS = 100;

/** Seconds of processor time that a process and those that it started have had so far; by /proc, as Linux has it. */
export async function processorSeconds(processId: number): Promise<number> {
  const fields = await statFields(processId);
  // User and system time.
  let ticks = Number(fields[11]) + Number(fields[12]);
  const children = await readFile(`/proc/${processId}/task/${processId}/children`, 'utf8');
  for (const child of children.split(' ').filter(Boolean))
    ticks += TICKS * (await processorSeconds(Number(child)));
  return ticks / TICKS;
}

/** Those behind the name of the program, which may hold spaces. */
async function statFields(processId: number): Promise<string[]> {
  const stat = await readFile(`/proc/${processId}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Resident memory of a process, in MiB. */
export async function residentMib(processId: number): Promise<number> {
  const status = await readFile(`/proc/${processId}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}

/** The inference processes of a roble server, and how many of them have loaded the model. */
export async function workersOf(url: string): Promise<{ ready: number; processIds: number[] }> {
  return (
    (await (await fetch(`${url}/stats`)).json()) as { workers: { ready: number; processIds: number[] } }
  ).workers;
}
