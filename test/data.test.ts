import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  importDataset,
  parseCharacters,
  preprocessingSchema,
  previewCopies,
  synthesizeDataset,
} from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('data'));
  await draw('digits', '0-2', 20);
});
afterAll(() => remove());

const at = (...path: string[]) => join(root, ...path);
const preprocessing = preprocessingSchema.parse({});
const draw = (out: string, characters: string, perClass: number) =>
  synthesizeDataset({ characters: parseCharacters(characters), perClass, out: at(out), preprocessing });
/** Runs the command line in the temporary folder, with an environment that has no settings of its own. */
const roble = (...words: string[]) =>
  execa(process.execPath, [CLI, ...words], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: root, NODE_ENV: 'production' },
    extendEnv: false,
    reject: false,
  });
const resultOf = ({ stdout }: { stdout?: unknown }) => JSON.parse(String(stdout)).result;

it('data:synth draws a data set that data:info describes and draws a sheet of', async () => {
  const drawn = await roble(
    'data:synth',
    '--characters',
    '0-2',
    '--per-class',
    '20',
    '--out',
    'drawn',
    '--json',
  );
  expect(drawn.exitCode).toBe(0);
  expect(resultOf(drawn)).toMatchObject({
    count: 60,
    classes: ['0', '1', '2'],
    splits: { train: 48, validation: 12 },
  });
  const info = await roble('data:info', 'drawn', '--png', 'sheet.png', '--json');
  expect(info.exitCode).toBe(0);
  expect(resultOf(info)).toMatchObject({
    count: 60,
    splits: { train: 48, validation: 12 },
    png: 'sheet.png',
  });
  expect((await sharp(at('sheet.png')).metadata()).format).toBe('png');
  const shown = (await roble('data:info', 'drawn')).stdout as string;
  expect(shown).toContain('60 images of 3 classes');
  expect(shown).toMatch(/^1 +16 +4$/m);
  expect(shown.split('\n').filter((line) => /[#@%]{2}/.test(line)).length).toBeGreaterThan(5);
});

it('data:preview shows pictures beside copies, of a strategy or of one augmenter', async () => {
  const preview = (...words: string[]) =>
    roble('data:preview', 'digits', '--classes', '2', '--copies', '3', ...words);
  const sheet = await preview('--strategy', 'aggressive', '--mixup', '1', '--out', 'preview.png', '--json');
  expect(sheet.exitCode).toBe(0);
  const { rows, out } = resultOf(sheet);
  expect([rows.map(({ label }: { label: string }) => label), out]).toEqual([['0', '1'], 'preview.png']);
  for (const { copies } of rows)
    for (const operations of copies) expect(operations.at(-1)).toMatchObject({ name: 'mixup', version: 1 });
  // Two rows of four pictures of 28 pixels with gaps of 2, twice enlarged.
  expect(await sharp(at('preview.png')).metadata()).toMatchObject({ width: 244, height: 124 });
  const distorted = await preview('--augmenter', 'stroke-distortion', '--json');
  for (const { copies } of resultOf(distorted).rows)
    for (const operations of copies) expect(operations).toMatchObject([{ name: 'stroke-distortion' }]);
  const shown = await preview('--augmenter', 'affine');
  expect(String(shown.stdout)).toContain('Classes: 0 1');
  const again = await preview('--out', 'preview.png', '--json');
  expect([again.exitCode, JSON.parse(String(again.stdout)).error.code]).toEqual([2, 'ROBLE_OUTPUT_EXISTS']);
  const unknown = [{ augmenter: 'afine', probability: 1, parameters: {} }];
  await expect(previewCopies({ folder: at('digits'), strategy: unknown })).rejects.toMatchObject({
    code: 'ROBLE_PLUGIN_UNKNOWN',
    details: { nextSteps: expect.arrayContaining(['Did you mean "affine"?']) },
  });
});

it('data:import brings in a folder for each class, and names the file that it leaves out', async () => {
  for (const [name, shade] of [
    ['dark', 20],
    ['light', 230],
  ] as const) {
    await mkdir(at('photos', name), { recursive: true });
    for (let i = 0; i < 5; i++)
      await sharp({
        create: { width: 9, height: 7, channels: 3, background: { r: shade, g: shade, b: shade } },
      })
        .png()
        .toFile(at('photos', name, `${i}.png`));
  }
  await writeFile(at('photos', 'dark', 'empty.png'), '');
  const shares = ['--split', 'train=0.6,validation=0.4'];
  const imported = await roble('data:import', 'photos', '--out', 'imported', ...shares, '--json');
  expect(imported.exitCode).toBe(0);
  expect(resultOf(imported)).toMatchObject({
    count: 10,
    classes: ['dark', 'light'],
    splits: { train: 6, validation: 4 },
    skipped: [{ path: 'dark/empty.png', code: 'ROBLE_IMAGE_EMPTY' }],
  });
  const distorted = [{ augmenter: 'stroke-distortion', probability: 1, parameters: {} }];
  await expect(previewCopies({ folder: at('imported'), strategy: distorted })).rejects.toMatchObject({
    code: 'ROBLE_USAGE',
    message: expect.stringContaining('has no strokes'),
  });
  await expect(
    importDataset({ sources: [at('photos')], out: at('imported'), preprocessing }),
  ).rejects.toMatchObject({ code: 'ROBLE_OUTPUT_EXISTS' });
});

it('data:export writes each format, which is read back, and names what it cannot do', async () => {
  await draw('letters', 'aA/.', 20);
  for (const format of ['folder', 'idx', 'parquet']) {
    const written = await roble('data:export', 'letters', '--format', format, '--out', format, '--json');
    expect(written.exitCode).toBe(0);
    expect(resultOf(written)).toMatchObject({ format, count: 80, splits: { train: 64, validation: 16 } });
    const read = await importDataset({ sources: [at(format)], out: at(`${format}-back`), preprocessing });
    expect(read).toMatchObject({
      classes: ['a', 'A', '/', '.'],
      splits: { train: 64, validation: 16 },
      warnings: [],
    });
  }
  const split = await roble('data:export', 'letters', '--format', 'idx', '--split', 'test', '--out', 'x');
  expect([split.exitCode, String(split.stderr)]).toEqual([4, expect.stringContaining('has no split "test"')]);
  const unsaid = await roble('data:export', 'letters', '--out', 'x');
  expect([unsaid.exitCode, String(unsaid.stderr)]).toEqual([2, expect.stringContaining('format')]);
});

it('data:export, interrupted by Ctrl-C, leaves nothing and ends with 130', async () => {
  await draw('many', '0-9', 300);
  const words = ['--format', 'folder', '--out', 'stopped', '--reporter', 'ndjson'];
  const exporting = roble('data:export', 'many', ...words);
  let heard = '';
  while (!heard.includes('"progress"')) heard += String((await once(exporting.stderr!, 'data'))[0]);
  exporting.kill('SIGINT');
  expect((await exporting).exitCode).toBe(130);
  expect((await readdir(root)).filter((name) => name.includes('stopped'))).toEqual([]);
});

it('data:import chooses columns and turns pictures by flags, and warns of transposed files', async () => {
  const header = (...sizes: number[]) => {
    const bytes = Buffer.alloc(4 * sizes.length);
    for (const [i, size] of sizes.entries()) bytes.writeUInt32BE(size, 4 * i);
    return bytes;
  };
  await mkdir(at('emnist'));
  const pixels = Buffer.from(Array.from({ length: 40 }, (_, i) => i));
  for (const [kind, bytes] of [
    ['images-idx3-ubyte', Buffer.concat([header(0x803, 10, 2, 2), pixels])],
    ['labels-idx1-ubyte', Buffer.concat([header(0x801, 10), Buffer.from([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])])],
  ] as const)
    await writeFile(at('emnist', `emnist-digits-train-${kind}`), bytes);
  const read = (out: string, ...words: string[]) =>
    roble('data:import', 'emnist', '--width', '2', '--height', '2', '--out', out, ...words);
  const warned = await read('emnist-a', '--json');
  expect(JSON.parse(String(warned.stdout)).warnings).toEqual([expect.stringContaining('--transpose')]);
  const turned = await read('emnist-b', '--transpose');
  expect(String(turned.stderr)).not.toContain('Warning');
  expect([...(await readFile(at('emnist-b', 'train-00000.images'))).subarray(0, 4)]).toEqual([0, 2, 1, 3]);
  await writeFile(at('list.csv'), 'picture,kind\nphotos/dark/1.png,a\n');
  const named = await roble('data:import', 'list.csv', '--out', 'listed', '--label-column', 'kind');
  expect([named.exitCode, String(named.stderr)]).toEqual([4, expect.stringContaining('--image-column')]);
});

it('train, interrupted by Ctrl-C, saves a checkpoint and ends with 130', async () => {
  const settings = ['--preset', 'cnn-small', '--batch-size', '16', '--epochs', '10000', '--run', 'run'];
  const training = roble('train', '--dataset', 'digits', ...settings, '--reporter', 'ndjson', '--json');
  let heard = '';
  while (!heard.includes('"kind":"epoch"')) heard += String((await once(training.stderr!, 'data'))[0]);
  training.kill('SIGINT');
  const ended = await training;
  expect(ended.exitCode).toBe(130);
  expect(resultOf(ended).stopped).toBe('interrupted');
  expect((await readdir(at('run', 'checkpoints'))).some((name) => name.startsWith('step-'))).toBe(true);
  const history = JSON.parse(await readFile(at('run', 'history.json'), 'utf8'));
  expect(history.events.at(-1).event).toBe('interrupted');
});

it('data:import reads a list in the encoding and with the delimiter that are said', async () => {
  const picture = await sharp(new Uint8Array(64), { raw: { width: 8, height: 8, channels: 1 } })
    .png()
    .toBuffer();
  await mkdir(at('list'));
  for (let i = 0; i < 4; i++) await writeFile(at('list', `${i}.png`), picture);
  const rows = [0, 1, 2, 3].map((i) => `${i}.png:${i % 2 ? 'K\u00E4rl' : 'K\u00F6rl'}\n`).join('');
  await writeFile(at('list', 'labels.csv'), Buffer.from(`image:label\n${rows}`, 'latin1'));
  const words = ['data:import', 'list', '--out', 'listed', '--delimiter', ':', '--json'];
  const refused = await roble(...words);
  expect([refused.exitCode, JSON.parse(refused.stdout).error.code]).toEqual([4, 'ROBLE_TEXT_INVALID']);
  const read = await roble(...words, '--encoding', 'windows-1252');
  expect(resultOf(read)).toMatchObject({ count: 4, classes: ['K\u00E4rl', 'K\u00F6rl'] });
  for (const wrong of [
    ['--encoding', 'utf-9'],
    ['--delimiter', '::'],
  ]) {
    const { exitCode, stdout } = await roble('data:import', 'list', '--out', 'other', ...wrong, '--json');
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([2, 'ROBLE_USAGE']);
  }
});
