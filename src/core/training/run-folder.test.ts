import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimRunFolder, nextRunFolder } from './run-folder.js';

let runs: string;
beforeEach(async () => {
  runs = await mkdtemp(join(tmpdir(), 'roble-runs-'));
});
afterEach(() => rm(runs, { recursive: true }));

it('refuses a second claim while the first one holds', async () => {
  const first = await claimRunFolder(join(runs, 'a'));
  await expect(claimRunFolder(join(runs, 'a'))).rejects.toMatchObject({ code: 'ROBLE_RUN_LOCKED' });
  await first.release();
  await (await claimRunFolder(join(runs, 'a'))).release();
});

it('of many claims at once grants one', async () => {
  const claims = await Promise.allSettled(Array.from({ length: 20 }, () => claimRunFolder(join(runs, 'a'))));
  expect(claims.filter((claim) => claim.status === 'fulfilled')).toHaveLength(1);
});

it('takes over from a process that is gone', async () => {
  await mkdir(join(runs, 'a'));
  const pid = Number(execFileSync(process.execPath, ['-p', 'process.pid']));
  await writeFile(join(runs, 'a', 'run.lock'), JSON.stringify({ pid, started: '1' }));
  await (await claimRunFolder(join(runs, 'a'))).release();
});

it('takes over when the process number belongs to another process now', async () => {
  await mkdir(join(runs, 'a'));
  await writeFile(join(runs, 'a', 'run.lock'), JSON.stringify({ pid: process.pid, started: 'long ago' }));
  await (await claimRunFolder(join(runs, 'a'))).release();
});

it('refuses a folder with files, and leaves them and no lock', async () => {
  await mkdir(join(runs, 'a'));
  await writeFile(join(runs, 'a', 'history.json'), '{}');
  await expect(claimRunFolder(join(runs, 'a'))).rejects.toMatchObject({ code: 'ROBLE_RUN_EXISTS' });
  expect(await readdir(join(runs, 'a'))).toEqual(['history.json']);
});

it('numbers runs after the highest there is', async () => {
  expect(await nextRunFolder(runs)).toBe(join(runs, 'run-0001'));
  await mkdir(join(runs, 'run-0007'));
  expect(await nextRunFolder(runs)).toBe(join(runs, 'run-0008'));
});
