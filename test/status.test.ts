/** `roble` alone: what is here, and what to do next; never an error. */
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { takeLock } from '../src/core/base/storage/folder-lock.js';
import { projectStatus } from '../src/core/operations/status/project-status.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyDataset } from './support/tiny-dataset.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('status'));
  await chmod(root, 0o755);
});
afterAll(() => remove());

const at = (...path: string[]) => join(root, ...path);
const roble = (folder: string, words: string[] = [], user: object = {}) =>
  execa(process.execPath, [CLI, ...words], {
    cwd: at(folder),
    env: { PATH: process.env.PATH, HOME: root, NODE_ENV: 'production' },
    extendEnv: false,
    reject: false,
    ...user,
  });
const folder = (name: string) => mkdir(at(name), { recursive: true });
const statusOf = (name: string) =>
  projectStatus(at(name), {
    files: [],
    settings: { dataset: at(name, 'data/dataset'), runs: at(name, 'runs') },
  });
const commandsOf = async (name: string) => (await statusOf(name)).next.map(({ command }) => command);

it('tells a newcomer how to begin, for people and for programs, and leaves --help as it is', async () => {
  await folder('empty');
  const [people, script, help] = [
    await roble('empty'),
    await roble('empty', ['--json']),
    await roble('empty', ['--help']),
  ];
  expect([people.exitCode, people.stderr]).toEqual([0, '']);
  expect(people.stdout).toMatch(/Next:\n {2}roble init /);
  const { ok, result } = JSON.parse(script.stdout);
  expect({ ok, ...result }).toEqual({
    ok: true,
    folder: at('empty'),
    configuration: { files: [] },
    next: expect.arrayContaining([{ command: 'roble init', why: expect.any(String) }]),
  });
  expect(help.stdout).toContain('COMMANDS');
});

it('goes with a project from its data to a run that can go on and a model', async () => {
  await folder('project');
  await tinyDataset(at('project/data/dataset'));
  expect(await commandsOf('project')).toEqual(['roble train']);

  const words = ['train', '--preset', 'cnn-small', '--epochs', '1', '--json'];
  expect((await roble('project', words)).exitCode).toBe(0);
  const trained = await statusOf('project');
  expect(trained).toMatchObject({
    dataset: { count: expect.any(Number) },
    run: { state: 'finished', epochs: 1, wantedEpochs: 1 },
    model: { folder: at('project/runs/run-0001/model') },
    next: [{ command: 'roble serve' }, { command: 'roble history:analyze' }],
  });

  // As a kill leaves it that came before the first checkpoint.
  await folder('project/runs/run-0002');
  await copyFile(at('project/runs/run-0001/run.json'), at('project/runs/run-0002/run.json'));
  expect(await statusOf('project')).toMatchObject({
    run: { state: 'interrupted', epochs: 0 },
    next: [{ command: 'roble train:resume runs/run-0002' }],
  });

  const lock = await takeLock(at('project/runs/run-0002'));
  expect((await statusOf('project')).run).toMatchObject({ state: 'training' });
  await lock.release();
  const { stdout } = await roble('project');
  expect(stdout).toContain('runs/run-0002: 0 of 1 epochs, it can go on');
});

it('names what cannot be used in its place, and is no error', async () => {
  await folder('damaged/data/dataset');
  await writeFile(at('damaged/data/dataset/dataset.json'), '{');
  await folder('damaged/runs/run-0001');
  const damaged = await statusOf('damaged');
  expect(damaged).toMatchObject({
    dataset: { fault: expect.stringContaining('dataset.json') },
    run: { fault: expect.any(String) },
    next: [{ command: 'roble doctor' }],
  });
  await writeFile(at('damaged/roble.config.yaml'), 'train: { epoch: 1 }');
  const { exitCode, stdout } = await roble('damaged');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/Configuration +cannot be used: The configuration has a problem/);
  expect(stdout).toContain('roble config:validate');
});

// Root may read everything; another user of the machine may not, and only root can begin there as another one.
it.runIf(process.getuid?.() === 0)('is no error in a folder that cannot be read', async () => {
  await folder('sealed/inside');
  await chmod(at('sealed'), 0o700);
  const { exitCode, stdout } = await roble('sealed/inside', [], { uid: 65534, gid: 65534 });
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('Next:') });
});
