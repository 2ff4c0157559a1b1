import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from './support/programs.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { TINY_SIDE, tinyBundle } from './support/tiny-bundle.js';
import { tinyDataset } from './support/tiny-dataset.js';

const CLI = join(import.meta.dirname, '../bin/run.js');
/** Makes all but the current folder read-only, becomes a user whom no table knows, and forgets the environment. */
const BARE = `
  mount --make-rprivate /
  mount --bind . .
  mount --options remount,ro,bind /
  cd "$PWD"
  exec unshare --user --map-user=4242 --map-group=4242 env --ignore-environment "$@"`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let bundle: string;
let dataset: string;
let writable: string;
beforeAll(async () => {
  folder = await temporaryFolder('bare');
  bundle = await tinyBundle(join(folder.path, 'bundle'));
  dataset = await tinyDataset(join(folder.path, 'dataset'));
  writable = join(folder.path, 'work');
  await mkdir(writable);
});
afterAll(() => folder.remove());

/** Roble as a container may run it: as a number, with no HOME, SHELL, USER, TERM or PATH, and one folder to write. */
const roble = (...words: string[]) =>
  execa('unshare', ['--mount', 'sh', '-c', BARE, 'sh', process.execPath, CLI, ...words], {
    cwd: writable,
    reject: false,
  });

describeWith('unshare', 'util-linux')('in a bare environment', () => {
  it.each([['--help'], ['train --help'], ['config:show'], ['config:show --json'], ['status']])(
    '%s',
    async (words) => {
      const { exitCode, stdout, stderr } = await roble(...words.split(' '));
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).not.toBe('');
    },
  );

  it('doctor names the folders that it may not write', async () => {
    const { exitCode, stdout } = await roble('doctor', '--json');
    const { subjects } = JSON.parse(stdout).result;
    const checks = subjects.flatMap((subject: { checks: object[] }) => subject.checks);
    const wrong = checks.filter(({ status }: { status: string }) => /failed|warning/.test(status));
    expect(exitCode).toBe(3);
    expect(wrong.map(({ id }: { id: string }) => id)).toEqual(['temporary', 'cache-folder']);
  });

  it('trains where it may write, and says clearly where it may not', async () => {
    const words = ['train', '--dataset', dataset, '--preset', 'cnn-small', '--epochs', '1', '--json'];
    const refused = await roble(...words, '--run', join(folder.path, 'elsewhere'));
    expect(JSON.parse(refused.stdout).error).toMatchObject({
      code: 'ROBLE_WRITE_FAILED',
      message: expect.stringContaining('elsewhere'),
    });
    const { stdout } = await roble(...words, '--run', 'run');
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, result: { stopped: 'completed' } });
  });

  it('names TMPDIR where a temporary folder is needed and none can be made', async () => {
    const { stdout } = await roble('train:verify', '--dataset', dataset, '--preset', 'cnn-small', '--json');
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'ROBLE_WRITE_FAILED',
      nextSteps: [expect.stringContaining('TMPDIR')],
    });
  });

  it('writes the production stack', async () => {
    const { stdout } = await roble('deploy:compose', 'stack', '--model', bundle, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, result: { model: { isNew: true } } });
  });

  it('serves with nothing to write at all', async () => {
    const server = roble('serve', '--model', bundle, '--port', '0', '--predictions', 'none');
    let said = '';
    server.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const url = () => /at (http:\S+)/.exec(said)?.[1];
    await expect.poll(() => url() ?? server.exitCode, { timeout: 120_000 }).toEqual(expect.any(String));
    const png = await sharp({
      create: { width: TINY_SIDE, height: TINY_SIDE, channels: 3, background: '#fff' },
    })
      .png()
      .toBuffer();
    const answer = await fetch(`${url()}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: png,
    });
    expect(answer.status).toBe(200);
    server.kill('SIGTERM');
    expect((await server).exitCode).toBe(0);
  });
});
