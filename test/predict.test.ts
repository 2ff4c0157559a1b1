import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { execa, type Options } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findImages, loadModel, predictFiles } from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, quarterPng, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

let root: string;
let bundle: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('predict'));
  bundle = await tinyBundle(join(root, 'model'));
  await mkdir(join(root, 'photos', 'deep'), { recursive: true });
  for (const quarter of [0, 1, 2, 3])
    await writeFile(join(root, 'photos', `${quarter}.png`), await quarterPng(quarter));
  await writeFile(join(root, 'photos', 'deep', 'a, "b".PNG'), await quarterPng(3));
  await writeFile(join(root, 'photos', 'notes.txt'), 'no image');
  await writeFile(join(root, 'bad.png'), (await quarterPng(0)).subarray(0, 50));
});
afterAll(() => remove());

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');

/** Runs the command in the temporary folder, with an environment that has no settings of its own. */
function predict(args: readonly string[], options: Options = {}) {
  return execa(process.execPath, [CLI, 'predict', ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: root, NODE_ENV: 'production' },
    extendEnv: false,
    reject: false,
    ...options,
  });
}
const withModel = (...args: string[]) => predict(['--model', bundle, ...args]);

interface Result {
  file: string;
  predictions?: { label: string; probability: number }[];
  error?: { code: string; message: string };
}
const resultsOf = ({ stdout }: { stdout?: unknown }) => JSON.parse(String(stdout)) as Result[];
const bestOf = (results: readonly Result[]) =>
  results.map(({ file, predictions, error }) => [file, predictions?.[0]?.label ?? error?.code]);

describe('predict', () => {
  it('takes files, folders and globs, in their order, each file once', async () => {
    const answer = await withModel('photos/3.png', 'photos', 'photos/[01].png', '--format', 'json');
    expect(answer.exitCode).toBe(0);
    expect(bestOf(resultsOf(answer))).toEqual([
      ['photos/3.png', 'bottom-right'],
      ['photos/0.png', 'top-left'],
      ['photos/1.png', 'top-right'],
      ['photos/2.png', 'bottom-left'],
      ['photos/deep/a, "b".PNG', 'bottom-right'],
    ]);
  });

  it('reads an image, or a list of paths, from standard input', async () => {
    const image = await predict(['--model', bundle, '-', '--format', 'json'], { input: await quarterPng(2) });
    expect(bestOf(resultsOf(image))).toEqual([['-', 'bottom-left']]);
    const input = 'photos/1.png\r\nphotos/0.png\n';
    const list = await predict(['--model', bundle, '--files-from', '-', '--format', 'json'], { input });
    expect(bestOf(resultsOf(list))).toEqual([
      ['photos/1.png', 'top-right'],
      ['photos/0.png', 'top-left'],
    ]);
  });

  it('reads a list as programs of Windows write it, and refuses one that is no text', async () => {
    const lists = {
      'utf-8.txt': Buffer.from('\uFEFFphotos/1.png\r\n'),
      'utf-16.txt': Buffer.from('\uFEFFphotos/1.png\r\n', 'utf16le'),
    };
    for (const [name, content] of Object.entries(lists)) {
      await writeFile(join(root, name), content);
      const list = await predict(['--model', bundle, '--files-from', name, '--format', 'json']);
      expect(bestOf(resultsOf(list))).toEqual([['photos/1.png', 'top-right']]);
    }
    const { exitCode, stderr } = await predict(['--model', bundle, '--files-from', '-'], {
      input: Buffer.from('photos/gr\u00FCn.png\n', 'latin1'),
    });
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('standard input:1:10: the byte 0xFC')]);
  });

  it('reports what it cannot read in its place, goes on, and ends with 4', async () => {
    const files = [
      'photos/0.png',
      'bad.png',
      'missing.png',
      'photos/notes.txt',
      'none/*.png',
      'photos/1.png',
    ];
    const expected = [
      ['photos/0.png', 'top-left'],
      ['bad.png', 'ROBLE_IMAGE_TRUNCATED'],
      ['missing.png', 'ROBLE_FILE_NOT_FOUND'],
      ['photos/notes.txt', 'ROBLE_IMAGE_UNREADABLE'],
      ['none/*.png', 'ROBLE_FILE_NOT_FOUND'],
      ['photos/1.png', 'top-right'],
    ];
    const [plain, envelope] = await Promise.all([withModel(...files), withModel(...files, '--json')]);
    expect([plain.exitCode, envelope.exitCode]).toEqual([4, 4]);
    const { ok, result } = JSON.parse(envelope.stdout as string);
    expect(ok).toBe(true);
    expect(bestOf(result.predictions)).toEqual(expected);
    expect(result.model).toMatchObject({ name: 'quarters', folder: bundle });
    expect(plain.stderr).toContain('bad.png: ');
    expect(plain.stderr).toContain('[ROBLE_IMAGE_TRUNCATED]');
  });

  it('shows a table with aligned columns', async () => {
    const { stdout } = await withModel('photos/0.png', 'photos/deep', 'bad.png', '--top-k', '2');
    const lines = String(stdout).split('\n');
    expect(lines).toHaveLength(3);
    // One logit of 4 against three of 0.
    expect(lines[0]).toMatch(/^photos\/0\.png {13} {2,}top-left {2}94\.8 % {2,}\S+ {3}1\.7 %$/);
    expect(lines[1]).toMatch(/^photos\/deep\/a, "b"\.PNG {2}bottom-right {2}94\.8 % {2,}\S+ {3}1\.7 %$/);
    expect(lines[0]!.indexOf('94.8')).toBe(lines[1]!.indexOf('94.8'));
    expect(lines[2]).toMatch(/^bad\.png +not classified: ROBLE_IMAGE_TRUNCATED$/);
  });

  it('writes CSV that a CSV reader reads', async () => {
    const { stdout } = await withModel('photos/deep', 'bad.png', '--format', 'csv', '--top-k', '2');
    const rows = parse(String(stdout), { columns: true }) as Record<string, string>[];
    expect(rows.map(({ file, rank, label, error }) => [file, rank, label, error])).toEqual([
      ['photos/deep/a, "b".PNG', '1', 'bottom-right', ''],
      ['photos/deep/a, "b".PNG', '2', expect.any(String), ''],
      ['bad.png', '', '', 'ROBLE_IMAGE_TRUNCATED'],
    ]);
    expect(Number(rows[0]!.probability)).toBeCloseTo(Math.exp(4) / (Math.exp(4) + 3), 5);
  });

  it('takes the newest model of the runs unless one is named, and says which', async () => {
    await tinyBundle(join(root, 'runs', 'b', 'model'), { name: 'older' });
    await tinyBundle(join(root, 'runs', 'a', 'model'), { name: 'newer' });
    await mkdir(join(root, 'runs', 'c'), { recursive: true });
    await utimes(join(root, 'runs', 'b', 'model', 'model.json'), 1, 1);
    const { stdout } = await predict(['photos/0.png', '--json']);
    expect(JSON.parse(String(stdout)).result.model.name).toBe('newer');
    expect((await predict(['photos/0.png'])).stderr).toContain(join('runs', 'a', 'model'));
  });

  it.each([
    ['no image', ['--model', 'model'], 2, 'ROBLE_USAGE'],
    ['standard input twice', ['--model', 'model', '-', '--files-from', '-'], 2, 'ROBLE_USAGE'],
    ['no such model', ['--model', 'nothing', 'photos/0.png'], 4, 'ROBLE_FILE_NOT_FOUND'],
  ])('refuses %s', async (_, args, exitCode, code) => {
    const answer = await predict([...args, '--json'], { input: '' });
    expect(answer.exitCode).toBe(exitCode);
    expect(JSON.parse(String(answer.stdout)).error.code).toBe(code);
  });
});

describe('loadModel', () => {
  it('answers from bytes, pixels and files, and knows its classes', async () => {
    const model = await loadModel(bundle);
    expect(model.classes).toEqual(TINY_CLASSES);
    expect(model.manifest.name).toBe('quarters');
    const [fromFile] = await model.predictFile(join(root, 'photos', '1.png'));
    const [[fromBytes]] = (await model.predict([await quarterPng(1)], 1)) as [[unknown]];
    const [[fromPixels]] = (await model.predictPixels([Uint8Array.from(quarterPixels(1))], 1)) as [[unknown]];
    expect(fromFile).toMatchObject({ label: 'top-right' });
    expect([fromBytes, fromPixels]).toEqual([fromFile, fromFile]);
    await model.close();
  });

  it('answers many images in order, some of them bad, and can be interrupted', async () => {
    const model = await loadModel(bundle, { threads: 1 });
    const pngs = await Promise.all([0, 1, 2, 3].map((quarter) => quarterPng(quarter)));
    const inputs = Array.from({ length: 1000 }, (_, i) => ({
      file: `${i}`,
      bytes: i % 10 === 9 ? new Uint8Array() : pngs[i % 4]!,
    }));
    expect(bestOf((await predictFiles(model, inputs, 1)) as Result[])).toEqual(
      inputs.map(({ file }, i) => [file, i % 10 === 9 ? 'ROBLE_IMAGE_EMPTY' : TINY_CLASSES[i % 4]]),
    );
    const controller = new AbortController();
    const reporter = { report: () => controller.abort(new Error('enough')) };
    await expect(predictFiles(model, inputs, 1, { signal: controller.signal, reporter })).rejects.toThrow(
      'enough',
    );
    await model.close();
  });

  it('finds images by an absolute path too', async () => {
    const found = await findImages([join(root, 'photos', '*.png'), join(root, 'nothing')]);
    expect(found.map(({ file }) => file)).toEqual([
      ...[0, 1, 2, 3].map((quarter) => join(root, 'photos', `${quarter}.png`)),
      join(root, 'nothing'),
    ]);
  });

  it.each([
    ['model.onnx', 'was changed'],
    ['golden-probabilities.bin', 'was changed'],
    ['model.json', 'was changed'],
  ])('refuses a bundle whose %s has another byte', async (name, message) => {
    const folder = await tinyBundle(join(root, `changed-${name}`));
    const bytes = await readFile(join(folder, name));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(folder, name), bytes);
    await expect(loadModel(folder)).rejects.toMatchObject({
      code: 'ROBLE_BUNDLE_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it('refuses a model that answers otherwise than when it was exported, or that cannot run', async () => {
    const otherwise = await tinyBundle(join(root, 'otherwise'), { golden: (value) => value + 2e-4 });
    await expect(loadModel(otherwise)).rejects.toMatchObject({
      code: 'ROBLE_BUNDLE_INVALID',
      message: expect.stringContaining('golden'),
    });
    const nonsense = await tinyBundle(join(root, 'nonsense'), { onnx: Buffer.from('no model') });
    await expect(loadModel(nonsense)).rejects.toMatchObject({
      code: 'ROBLE_BUNDLE_INVALID',
      message: expect.stringContaining('cannot run'),
    });
    const close = await tinyBundle(join(root, 'close'), { golden: (value) => value + 5e-5 });
    await (await loadModel(close)).close();
  });
});
