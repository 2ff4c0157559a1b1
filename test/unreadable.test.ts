/** What cannot be read: it is told with its path, the rest goes on, and nothing is waited for without end. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, open, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPng, tinyBundle } from './support/tiny-bundle.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');
/** Root may read everything; another user of the machine may not. */
const OTHER_USER = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('unreadable'));
  await chmod(root, 0o777);
});
afterAll(() => remove());

const put = async (name: string, content: Uint8Array | string) => {
  await mkdir(dirname(join(root, name)), { recursive: true });
  await writeFile(join(root, name), content);
};
const pipe = (name: string) => execFileSync('mkfifo', [join(root, name)]);
const roble = (...words: string[]) => robleIn('.', ...words);
const robleIn = (folder: string, ...words: string[]) =>
  execa(process.execPath, [CLI, ...words, '--json'], {
    cwd: join(root, folder),
    env: { PATH: process.env.PATH, HOME: root, NODE_ENV: 'production' },
    extendEnv: false,
    reject: false,
    ...OTHER_USER,
  });
const answerOf = (...words: string[]) => answerIn('.', ...words);
const answerIn = async (folder: string, ...words: string[]) => {
  const { stdout, exitCode } = await robleIn(folder, ...words);
  return { exitCode, ...JSON.parse(stdout) };
};
const unreadable = (received?: string) => ({
  exitCode: 4,
  error: { code: 'ROBLE_FILE_UNREADABLE', ...(received !== undefined && { received }) },
});

describe('files and folders without rights', () => {
  it('are samples that data:import leaves out, and the rest is imported', async () => {
    for (const name of ['a', 'b'])
      for (const i of [0, 1, 2, 3]) await put(`in/${name}/${i}.png`, await quarterPng(i));
    await put('in/b/inside/9.png', await quarterPng(1));
    await chmod(join(root, 'in/a/0.png'), 0);
    await chmod(join(root, 'in/b/inside'), 0);
    const { exitCode, result } = await answerOf('data:import', 'in', '--out', 'data');
    await chmod(join(root, 'in/b/inside'), 0o755);
    expect([exitCode, result.count, result.skippedByCode]).toEqual([0, 7, { ROBLE_FILE_UNREADABLE: 2 }]);
    expect(result.skipped).toEqual([
      expect.objectContaining({ path: 'b/inside', message: expect.stringContaining('no rights') }),
      expect.objectContaining({ path: 'a/0.png', message: expect.stringContaining('no rights') }),
    ]);
  });

  it('are answers of predict with their path', async () => {
    await tinyBundle(join(root, 'model'));
    await put('pictures/1.png', await quarterPng(1));
    await put('pictures/secret.png', await quarterPng(1));
    await put('locked/1.png', await quarterPng(1));
    await chmod(join(root, 'pictures/secret.png'), 0);
    await chmod(join(root, 'locked'), 0);
    const { exitCode, result } = await answerOf('predict', 'pictures', 'locked', '--model', 'model');
    await chmod(join(root, 'locked'), 0o755);
    expect(exitCode).toBe(4);
    expect(result.predictions).toEqual([
      expect.objectContaining({ file: 'pictures/1.png', predictions: expect.any(Array) }),
      ...['pictures/secret.png', 'locked'].map((file) =>
        expect.objectContaining({
          file,
          error: expect.objectContaining({
            code: 'ROBLE_FILE_UNREADABLE',
            message: expect.stringContaining(`${file} cannot be read: this user has no rights to it`),
          }),
        }),
      ),
    ]);
  });

  it('are not taken for files that are not there, nor for a failed write', async () => {
    await put('sealed/dataset.json', '{}');
    await put('sealed/model.json', '{}');
    await put('sealed/pictures.csv', 'image,label\n');
    await chmod(join(root, 'sealed'), 0);
    for (const words of [
      ['data:info', 'sealed'],
      ['data:import', 'sealed', '--out', 'x'],
      ['data:import', 'sealed/pictures.csv', '--out', 'x'],
      ['data:import', 'in', '--out', 'sealed/x'],
      ['train', '--dataset', 'sealed'],
      ['config:show', '--config', 'sealed/roble.config.yaml'],
    ])
      expect([words, await answerOf(...words)]).toMatchObject([words, unreadable()]);
    await chmod(join(root, 'sealed'), 0o755);
  });
});

it('a configuration without rights is not passed by for the next one, nor for the defaults', async () => {
  await put('project/roble.config.yaml', 'name: sealed');
  await put('project/roble.config.json', '{}');
  await put('project/inside/note', '');
  await chmod(join(root, 'project/roble.config.yaml'), 0);
  for (const folder of ['project', 'project/inside'])
    expect(await answerIn(folder, 'config:show')).toMatchObject(unreadable());
});

// Only root can begin in such a folder.
it.runIf(process.getuid?.() === 0)(
  'a folder that one may not look into holds no configuration, and those above it are asked',
  async () => {
    await put('above/roble.config.yaml', 'name: above');
    await put('above/sealed/inside/roble.config.yaml', 'name: sealed');
    await chmod(join(root, 'above/sealed'), 0);
    const answer = await answerIn('above/sealed/inside', 'config:show');
    expect(answer).toMatchObject({ exitCode: 0, result: { config: { name: 'above' } } });
    await chmod(join(root, 'above/sealed'), 0o755);
  },
);

describe('a pipe that nobody writes into', () => {
  it.each([
    ['a source', 'x', ['data:import', 'x', '--out', 'o']],
    ['a CSV file', 'x.csv', ['data:import', 'x.csv', '--out', 'o']],
    ['an IDX file', 'idx/images-idx3-ubyte', ['data:import', 'idx', '--out', 'o']],
    ['strokes', 'x.jsonl', ['data:import', 'x.jsonl', '--out', 'o']],
    ['a Parquet file', 'x.parquet', ['data:import', 'x.parquet', '--out', 'o']],
    ['an archive', 'x.tar', ['data:import', 'x.tar', '--out', 'o']],
    ['a zip archive', 'x.zip', ['data:import', 'x.zip', '--out', 'o']],
    [
      'a list of classes',
      'listed/classes.txt',
      ['data:import', 'listed', '--format', 'folder', '--out', 'o'],
    ],
    ['a data set', 'set/dataset.json', ['data:info', 'set']],
    ['a model', 'bundle/model.json', ['predict', 'y.png', '--model', 'bundle']],
    ['a configuration', 'roble.yaml', ['config:show', '--config', 'roble.yaml']],
    ['a list of paths', 'paths', ['predict', '--files-from', 'paths', '--model', 'bundle']],
  ])('is refused as %s', async (_, name, words) => {
    await mkdir(dirname(join(root, name)), { recursive: true });
    pipe(name);
    await put('idx/labels-idx1-ubyte', '\0\0\x08\x01\0\0\0\0');
    expect(await answerOf(...words)).toMatchObject(unreadable('a pipe (FIFO)'));
    await rm(join(root, name));
  });

  it('is an answer of predict, in its place', async () => {
    pipe('y.png');
    const { exitCode, result } = await answerOf('predict', 'y.png', 'pictures/1.png', '--model', 'model');
    expect(exitCode).toBe(4);
    expect(result.predictions).toMatchObject([
      { file: 'y.png', error: { code: 'ROBLE_FILE_UNREADABLE' } },
      { file: 'pictures/1.png', predictions: expect.any(Array) },
    ]);
  });
});

describe('a pipe that somebody writes into', () => {
  it('is read as a list of paths', async () => {
    pipe('list');
    const running = answerOf('predict', '--files-from', 'list', '--model', 'model');
    const writer = await open(join(root, 'list'), 'w');
    await writer.writeFile('pictures/1.png\n');
    await writer.close();
    expect((await running).result.predictions).toMatchObject([{ file: 'pictures/1.png' }]);
  });

  it('is waited for until a signal comes', async () => {
    pipe('silent');
    // Open for both sides, so that it does not matter who comes first.
    const writer = await open(join(root, 'silent'), 'r+');
    const running = roble('predict', '--files-from', 'silent', '--model', 'model');
    await expect.poll(() => isOpenIn(running.pid!), { timeout: 60_000 }).toBe(true);
    running.kill('SIGTERM');
    expect((await running).exitCode).toBe(143);
    await writer.close();
  });
});

const isOpenIn = (pid: number) =>
  execFileSync('sh', ['-c', `ls -l /proc/${pid}/fd 2>/dev/null || true`])
    .toString()
    .includes(join(root, 'silent'));

it('a folder in place of a file, and links in a circle, are named', async () => {
  await symlink('circle', join(root, 'circle'));
  await mkdir(join(root, 'folder.csv'), { recursive: true });
  for (const words of [
    ['data:import', 'circle', '--out', 'o'],
    ['data:info', 'circle'],
    ['config:show', '--config', 'folder.csv'],
  ])
    expect([words, await answerOf(...words)]).toMatchObject([words, unreadable()]);
});
