import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { RobleError } from '../errors.js';
import type { Moved } from './answer-calls.js';
import { type ChildOptions, type RunningWorker, startChild, startThread, WorkerDied } from './workers.js';

type OddWorker = (
  start: { readonly refuses?: boolean },
  emit: (event: { readonly counted: number }) => void,
) => {
  double(x: number): number;
  count(n: number): Promise<number>;
  negate(values: Float32Array): Moved<Float32Array>;
  throws(what: 'coded' | 'file' | 'foreign' | 'words' | 'no data'): Promise<never>;
  throwsLater(_: undefined): Promise<void>;
  exits(code: number): never;
  crashes(lines: number): never;
  hangs(_: undefined): void;
  takesAllMemory(_: undefined): never;
  sleeps(ms: number): Promise<string>;
  leavesBehind(_: undefined): number;
};
type SavingWorker = () => { work(file: string): Promise<string>; isAtWork(_: undefined): boolean };

const support = (name: string) => new URL(`../../../../test/support/workers/${name}.js`, import.meta.url);

const running: RunningWorker<never>[] = [];
afterEach(() => Promise.all(running.splice(0).map((worker) => worker.kill())));

const kinds = { child: startChild<OddWorker>, thread: startThread<OddWorker> };

function start(
  kind: keyof typeof kinds,
  { refuses = false, ...options }: Partial<ChildOptions<OddWorker>> & { refuses?: boolean } = {},
): RunningWorker<OddWorker> {
  const worker = kinds[kind](support('odd'), { refuses }, { name: 'The worker', ...options });
  running.push(worker as unknown as RunningWorker<never>);
  return worker;
}

const failureOf = (work: Promise<unknown>): Promise<RobleError> => work.then(Object, (error) => error);

async function deathOf(work: Promise<unknown>): Promise<WorkerDied> {
  const error = await failureOf(work);
  expect(error).toBeInstanceOf(WorkerDied);
  expect(error.code).toBe('ROBLE_WORKER_DIED');
  return error as WorkerDied;
}

/** Whether a process is there; one that has ended and that nobody asked for its exit is not. */
async function isAlive(processId: number): Promise<boolean> {
  const state = await readFile(`/proc/${processId}/stat`, 'utf8').catch(() => ') X');
  return !/\) [XZ]/.test(state);
}

describe.each(['child', 'thread'] as const)('a %s', (kind) => {
  it('answers calls that were made before it was ready, in their order, its events before the answer', async () => {
    const heard: unknown[] = [];
    const worker = start(kind, { onEvent: ({ counted }) => heard.push(counted) });
    const answers = [worker.call('count', 3), worker.call('double', 21), worker.call('double', 2)];
    for (const answer of answers) answer.then((value) => heard.push(`= ${value}`));
    await worker.started;
    await Promise.all(answers);
    expect(heard).toEqual([0, 1, 2, '= 3', '= 42', '= 4']);
  });

  it('throws in its parent what was thrown in it, with what is behind it', async () => {
    const worker = start(kind);
    const coded = await failureOf(worker.call('throws', 'coded'));
    expect(coded).toBeInstanceOf(RobleError);
    expect(coded.toJSON()).toEqual({
      ...{ code: 'ROBLE_DATASET_INVALID', message: 'Damaged.', received: 1, nextSteps: ['Mend it.'] },
    });
    const file = await failureOf(worker.call('throws', 'file'));
    expect(file.code).toBe('ROBLE_FILE_NOT_FOUND');
    expect(file.cause).toMatchObject({ code: 'ENOENT' });
    const foreign = await failureOf(worker.call('throws', 'foreign'));
    expect(foreign.code).toBe('ROBLE_INTERNAL');
    expect(foreign.cause).toMatchObject({ message: 'full', code: 'SQLITE_FULL' });
    expect((foreign.cause as Error).stack).toContain('odd.js');
    expect((await failureOf(worker.call('throws', 'words'))).message).toBe('only words');
    expect((await failureOf(worker.call('throws', 'no data'))).message).toContain('could not be cloned');
    expect(await worker.call('double', 1)).toBe(2);
  });

  it('that cannot start says why, to every call, and is gone', async () => {
    const worker = start(kind, { refuses: true });
    const before = failureOf(worker.call('double', 1));
    const reason = await failureOf(worker.started);
    expect([reason.code, reason.message]).toEqual(['ROBLE_MODEL_INVALID', 'It does not start.']);
    expect((await before).message).toBe('It does not start.');
    expect(await worker.ended).toBe(reason);
    expect(await failureOf(worker.call('double', 1))).toBe(reason);
  });

  it('that ends rejects the calls that wait, and those that come', async () => {
    const worker = start(kind);
    const waiting = deathOf(worker.call('sleeps', 60_000));
    const died = await deathOf(worker.call('exits', 7));
    expect(died.exit).toMatchObject({ code: 7, signal: null, killedFor: undefined });
    expect(died.message).toBe('The worker ended with exit code 7.');
    expect(await waiting).toBe(died);
    expect(await worker.ended).toBe(died);
    expect(await deathOf(worker.call('double', 1))).toBe(died);
  });

  it('is killed when it does not answer in time, however deaf', async () => {
    const worker = start(kind);
    expect(await worker.call('sleeps', 1, { timeoutMs: 60_000 })).toBe('slept');
    const died = await deathOf(worker.call('hangs', undefined, { timeoutMs: 100 }));
    expect(died.exit.killedFor).toBe('deadline');
    expect(died.message).toBe('The worker did not answer in time.');
    expect(await worker.ended).toMatchObject({ exit: { killedFor: 'deadline' } });
    if (worker.processId) expect(await isAlive(worker.processId)).toBe(false);
  });

  it('is killed when a call is aborted, which rejects with the reason', async () => {
    const worker = start(kind);
    const controller = new AbortController();
    const work = failureOf(worker.call('hangs', undefined, { signal: controller.signal }));
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await work).toBe(reason);
    expect(await worker.ended).toMatchObject({ exit: { killedFor: 'abort' } });
    expect(await failureOf(worker.call('double', 1, { signal: controller.signal }))).toBe(reason);
  });

  it('can be killed, for a reason of its parent', async () => {
    const worker = start(kind);
    const work = deathOf(worker.call('hangs', undefined));
    const ended = await worker.kill('because');
    expect(ended).toBe(await work);
    expect((await work).exit.killedFor).toBe('because');
    expect(await worker.kill('again')).toBe(ended);
  });

  it('leaves by itself when it is closed', async () => {
    const worker = start(kind);
    await worker.started;
    expect(await worker.close()).toMatchObject({ exit: { code: 0, signal: null } });
  });
});

describe('what else runs in it', () => {
  const guests = ['paper 1.2.0', 'coco 2.0.0'];
  const said = / Plugins from outside in use: paper 1\.2\.0, coco 2\.0\.0\.$/;

  it.each([
    ['child', 'throwsLater'],
    ['thread', 'throwsLater'],
    ['child', 'exits'],
    ['thread', 'exits'],
  ] as const)('is named where a %s %s', async (kind, call) => {
    const error = await failureOf(start(kind, { guests }).call(call, 0 as never));
    expect(error).toMatchObject({ code: 'ROBLE_WORKER_DIED', message: expect.stringMatching(said) });
    if (kind === 'thread' && call === 'throwsLater') expect(error.message).toContain('nobody catches this');
  });
});

describe('a child', () => {
  it('leaves its last words, however many came before them', async () => {
    const lines: string[] = [];
    const worker = start('child', { onLine: (line) => lines.push(line) });
    const { exit } = await deathOf(worker.call('crashes', 20_000));
    expect(exit.signal).toBe('SIGABRT');
    expect(exit.lastWords).toMatch(/line 19999 of 20000 before the crash\nterminate called.*bad_alloc/);
    expect(exit.lastWords.length).toBeLessThanOrEqual(4000);
    expect(lines.slice(0, 20_000)).toHaveLength(20_000);
    expect(lines[0]).toBe('line 1 of 20000 before the crash');
  });

  it('that nobody catches an error of, or that takes too much memory, ends with what Node wrote', async () => {
    const uncaught = await deathOf(start('child').call('throwsLater', undefined));
    expect(uncaught.exit.code).toBe(1);
    expect(uncaught.exit.lastWords).toContain('nobody catches this');
    const full = await deathOf(start('child', { maxHeapMiB: 32 }).call('takesAllMemory', undefined));
    expect(full.exit.lastWords).toContain('heap out of memory');
  });

  it('leaves signals of the terminal to its parent', async () => {
    const worker = start('child');
    await worker.started;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const)
      process.kill(worker.processId!, signal);
    expect(await worker.call('double', 1)).toBe(2);
    process.kill(worker.processId!, 'SIGKILL');
    expect(await worker.ended).toMatchObject({ message: 'The worker ended with SIGKILL.' });
  });

  it('that cannot be started at all says so', async () => {
    const { execPath } = process;
    process.execPath = '/no/such/node';
    try {
      const worker = start('child');
      const died = await deathOf(worker.call('double', 1));
      expect(died.message).toMatch(/^The worker could not be started: .*ENOENT/);
      expect(died.exit.notStarted).toBe(died.cause);
      expect(worker.processId).toBeUndefined();
      expect(await worker.kill()).toBe(died);
      expect(await worker.close()).toBe(died);
    } finally {
      process.execPath = execPath;
    }
  });

  it('counts as ended though a process that it started holds its standard error open', async () => {
    const worker = start('child');
    const left = await worker.call('leavesBehind', undefined);
    try {
      await worker.kill();
      expect(await isAlive(left)).toBe(true);
    } finally {
      process.kill(left, 'SIGKILL');
    }
  });

  it('wraps up what it has in work before it leaves', async () => {
    const folder = await temporaryFolder('workers');
    const file = join(folder.path, 'saved');
    const worker = startChild<SavingWorker>(support('saving'), undefined, { name: 'The worker' });
    void worker.call('work', file).catch(() => {});
    expect(await worker.call('isAtWork', undefined)).toBe(true);
    expect(await worker.close()).toMatchObject({ exit: { code: 0 } });
    expect(await readFile(file, 'utf8')).toBe('saved');
    await folder.remove();
  });

  it('does not outlive its parent, and wraps up what it has in work', async () => {
    const folder = await temporaryFolder('workers');
    const file = join(folder.path, 'saved');
    const parent = spawn(process.execPath, [fileURLToPath(support('parent')), file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(parent.stdout.setEncoding('utf8'), 'data');
    const children: number[] = JSON.parse(line);
    expect(await Promise.all(children.map(isAlive))).toEqual([true, true]);
    parent.kill('SIGKILL');
    await expect.poll(() => Promise.all(children.map(isAlive))).toEqual([false, false]);
    expect(await readFile(file, 'utf8')).toBe('saved');
    await folder.remove();
  });
});

describe('a thread', () => {
  it('gets and gives buffers without copies', async () => {
    const worker = start('thread');
    const values = Float32Array.of(1, 2);
    const negated = await worker.call('negate', values, { move: [values.buffer] });
    expect([...negated]).toEqual([-1, -2]);
    expect(values.buffer.byteLength).toBe(0);
  });

  it('ends with what nobody caught in it', async () => {
    const worker = start('thread');
    const error = await failureOf(worker.call('throwsLater', undefined));
    expect([error.code, error.message]).toEqual(['ROBLE_INTERNAL', 'nobody catches this']);
    expect(await worker.ended).toBe(error);
  });
});
