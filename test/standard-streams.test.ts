import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFixtureCli } from './support/fixture-cli.js';
import { temporaryFolder } from './support/temporary-folder.js';

const CLI = join(import.meta.dirname, '../bin/run.js');

let folder: string;
let remove: () => Promise<void>;
let fixture: Awaited<ReturnType<typeof createFixtureCli>>;
beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder('standard-streams'));
  fixture = await createFixtureCli();
});
afterAll(async () => {
  await remove();
  await fixture.remove();
});

type Place = 'pipe' | 'left' | 'full' | number;

/** A command whose streams go to a pipe, to a pipe that nobody reads any more, to a full device, or to a file. */
async function run(script: string, words: readonly string[], stdout: Place, stderr: Place) {
  const full = await open('/dev/full', 'w');
  const stdio = [stdout, stderr].map((place) =>
    place === 'full' ? full.fd : typeof place === 'number' ? place : 'pipe',
  );
  // A warning on standard error, and no wish of whoever runs the tests.
  const env = { PATH: process.env.PATH, HOME: folder, ROBLE_TRAIN_EPOCH: '1' };
  const child = spawn(process.execPath, [script, ...words], {
    cwd: folder,
    env,
    stdio: ['ignore', ...stdio],
  });
  for (const [place, stream] of [
    [stdout, child.stdout],
    [stderr, child.stderr],
  ] as const)
    if (place === 'left') stream!.destroy();
  const textOf = (stream: typeof child.stdout) => (stream && !stream.destroyed ? text(stream) : '');
  const [out, err, [code]] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  await full.close();
  return { out, err, code };
}
const roble = (words: string, stdout: Place, stderr: Place) => run(CLI, words.split(' '), stdout, stderr);

/** Each way to standard output, with the code that the command has without trouble. */
const WAYS: readonly [words: string, code: number][] = [
  ['--help', 0],
  ['--version', 0],
  ['config:show', 0],
  ['config:show --json', 0],
  ['init --dry-run --yes', 0],
  ['config:validate missing.yaml --json', 4],
  ['config:show --no-such-flag --json', 2],
  ['no:such --json', 2],
];

describe.each(WAYS)('%s', (words, code) => {
  it('ends as usual, and quietly, where nobody reads any more', async () => {
    const [read, left, deaf] = await Promise.all([
      roble(words, 'pipe', 'pipe'),
      roble(words, 'left', 'pipe'),
      roble(words, 'pipe', 'left'),
    ]);
    expect(read.code).toBe(code);
    expect([left.code, left.err]).toEqual([code, read.err]);
    expect([deaf.code, deaf.out]).toEqual([code, read.out]);
  });

  it('fails with a code, and says so, where the device is full', async () => {
    const full = await roble(words, 'full', 'pipe');
    expect(full.code).toBe(code || 3);
    expect(full.err).toMatch(/Standard output could not be written whole: .*ENOSPC/);
    expect(full.err).toContain('code: ROBLE_DISK_FULL');
    expect(full.err).not.toContain('    at ');
    if (code) expect(full.err).toMatch(/code: ROBLE_(USAGE|FILE_NOT_FOUND)/);
  });
});

it('tells of a full standard error on standard output, and in the warnings of --json', async () => {
  const people = await roble('config:show', 'pipe', 'full');
  expect(people.code).toBe(3);
  expect(people.out).toContain('epochs:');
  expect(people.out).toMatch(/Standard error could not be written whole[\s\S]*code: ROBLE_DISK_FULL\n$/);
  const script = await roble('config:show --json', 'pipe', 'full');
  expect(script.code).toBe(3);
  expect(JSON.parse(script.out).warnings.at(-1)).toMatch(/^ROBLE_DISK_FULL: Standard error/);
  const failed = await roble('config:validate missing.yaml', 'pipe', 'full');
  expect(failed.code).toBe(4);
  expect(failed.out).toContain('code: ROBLE_FILE_NOT_FOUND');
  expect((await roble('config:show', 'full', 'full')).code).toBe(3);
});

it('does not take a part of its output for the whole', async () => {
  // A file that may not grow beyond a kilobyte takes the beginning of a text, and says so by the count of bytes alone.
  const out = join(folder, 'short.json');
  const script = 'ulimit -f 1; exec "$0" "$@" > short.json';
  const words = ['-c', script, process.execPath, CLI, 'config:show', '--json'];
  const child = spawn('bash', words, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const [err, [code]] = await Promise.all([text(child.stderr!), once(child, 'close')]);
  expect((await readFile(out)).length).toBe(1024);
  expect([code, err]).toEqual([3, expect.stringContaining('code: ROBLE_WRITE_FAILED')]);
});

it('goes on with its work when nobody listens to its progress any more', async () => {
  expect(await run(fixture.run, ['noisy', '--json'], 'pipe', 'left')).toMatchObject({ code: 0 });
  expect((await run(fixture.run, ['noisy'], 'pipe', 'full')).code).toBe(3);
});

it('ends when it is told to, also where a reader stands still', async () => {
  const child = spawn(process.execPath, [fixture.run, 'talk'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  await once(child.stderr!, 'data');
  child.stderr!.pause();
  child.kill('SIGTERM');
  expect(await ended).toEqual([143, null]);
});
