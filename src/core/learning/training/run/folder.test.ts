import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRunFolder, lockRunFolder, nextRunFolder } from './folder.js';

let runs: string;
beforeEach(async () => {
  runs = await mkdtemp(join(tmpdir(), 'roble-runs-'));
});
afterEach(() => rm(runs, { recursive: true }));

it('refuses a second lock while the first one holds', async () => {
  const first = await createRunFolder(join(runs, 'a'));
  await expect(createRunFolder(join(runs, 'a'))).rejects.toMatchObject({ code: 'ROBLE_FOLDER_LOCKED' });
  await first.release();
  await (await createRunFolder(join(runs, 'a'))).release();
});

it('of many that create it at once lets one have it', async () => {
  const attempts = await Promise.allSettled(
    Array.from({ length: 20 }, () => createRunFolder(join(runs, 'a'))),
  );
  expect(attempts.filter((attempt) => attempt.status === 'fulfilled')).toHaveLength(1);
});

/** Leaves a lock as a process would that ended without releasing it. */
async function leaveLock(owner: object, ageMs = 0): Promise<string> {
  const lock = join(runs, 'a', 'run.lock');
  await mkdir(join(runs, 'a'));
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const numbers = `${boot} ${await readlink('/proc/self/ns/pid')}`;
  await writeFile(lock, JSON.stringify({ host: hostname(), numbers, token: 'x', ...owner }));
  const time = new Date(Date.now() - ageMs);
  await utimes(lock, time, time);
  return lock;
}
const goneProcess = () => Number(execFileSync(process.execPath, ['-p', 'process.pid']));

it('takes over from a process that is gone', async () => {
  await leaveLock({ pid: goneProcess(), started: '1' });
  await (await createRunFolder(join(runs, 'a'))).release();
  expect(await readdir(join(runs, 'a'))).toEqual([]);
});

it('takes over when the process number belongs to another process now', async () => {
  await leaveLock({ pid: process.pid, started: 'long ago' });
  await (await createRunFolder(join(runs, 'a'))).release();
});

it('of many that take over at once grants one', async () => {
  await leaveLock({ pid: goneProcess(), started: '1' });
  const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => lockRunFolder(join(runs, 'a'))));
  expect(attempts.filter((attempt) => attempt.status === 'fulfilled')).toHaveLength(1);
});

it('waits for the training process of a supervisor that is gone', async () => {
  const worker = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 700)'], { stdio: 'ignore' });
  const fields = async () => {
    const stat = await readFile(`/proc/${worker.pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  };
  const started = (await fields())[19];
  await leaveLock({ pid: goneProcess(), started: '1', worker: { pid: worker.pid, started } });
  const folder = await createRunFolder(join(runs, 'a'));
  // Gone, or ended and not yet noticed by this process.
  expect(['gone', 'Z']).toContain(
    await fields().then(
      ([state]) => state,
      () => 'gone',
    ),
  );
  await folder.release();
});

it.each([{ host: 'elsewhere' }, { numbers: 'of another boot or container' }])(
  'of another machine (%j) believes the signs of life',
  async (other) => {
    const lock = await leaveLock({ pid: 1, ...other });
    await expect(createRunFolder(join(runs, 'a'))).rejects.toMatchObject({ code: 'ROBLE_FOLDER_LOCKED' });
    const longAgo = new Date(Date.now() - 120_000);
    await utimes(lock, longAgo, longAgo);
    await (await createRunFolder(join(runs, 'a'))).release();
  },
);

it('refuses a folder with files, and leaves them and no lock', async () => {
  await mkdir(join(runs, 'a'));
  await writeFile(join(runs, 'a', 'history.json'), '{}');
  await expect(createRunFolder(join(runs, 'a'))).rejects.toMatchObject({ code: 'ROBLE_RUN_EXISTS' });
  expect(await readdir(join(runs, 'a'))).toEqual(['history.json']);
});

it('leaves the lock of another process that took it over', async () => {
  const folder = await createRunFolder(join(runs, 'a'));
  const lock = join(runs, 'a', 'run.lock');
  await writeFile(lock, JSON.stringify({ host: 'elsewhere', pid: 1, token: 'theirs' }));
  await expect(folder.nameWorker(1)).rejects.toMatchObject({ code: 'ROBLE_FOLDER_LOCKED' });
  await folder.release();
  expect(await readdir(join(runs, 'a'))).toEqual(['run.lock']);
});

it('numbers runs after the highest there is', async () => {
  expect(await nextRunFolder(runs)).toBe(join(runs, 'run-0001'));
  await mkdir(join(runs, 'run-0007'));
  expect(await nextRunFolder(runs)).toBe(join(runs, 'run-0008'));
});
