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

/** Six pictures of a class, each a little different. */
async function putPictures(folder: string, width: number, height: number, colour: boolean) {
  for (const name of ['left', 'right']) {
    await mkdir(at(folder, name), { recursive: true });
    for (let i = 0; i < 6; i++) {
      // Dark strokes on light paper, or a coloured ground.
      const pixels = Uint8Array.from({ length: width * height * 3 }, (_, k) => {
        const x = Math.floor(k / 3) % width;
        const isInk = Math.abs(x - (name === 'left' ? width / 4 : (3 * width) / 4) - i) < 2;
        return isInk ? 10 : colour && k % 3 === 0 ? 90 : 235;
      });
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(at(folder, name, `${i}.png`));
    }
  }
}

it('data:import says what it threw away, and with which flags more is kept', async () => {
  await putPictures('photographs', 120, 80, true);
  const lost = await roble('data:import', 'photographs', '--out', 'small');
  expect(lost.stdout).toContain(
    'Pictures of about 120x80 pixels in colour became 28x28 grey; --width, --height, --channels 3 keep more.',
  );
  const kept = await roble(
    ...['data:import', 'photographs', '--out', 'large', '--channels', '3'],
    ...['--width', '120', '--height', '80'],
  );
  expect(kept.stdout).not.toContain('keep more');
  const { originals } = resultOf(await roble('data:import', 'photographs', '--out', 'json', '--json'));
  expect(originals).toEqual({ count: 12, width: 120, height: 80, isColour: true, isDarkOnLight: true });
});

it('init looks at pictures, in the folder or where it is told, and says why it suggests what', async () => {
  await putPictures('photographs', 120, 80, true);
  await putPictures('scans', 50, 40, false);
  const photographs = await roble('init', 'photographs', '--yes', '--dry-run');
  expect(photographs.stderr).toContain(
    '12 pictures of about 120x80 pixels, in colour, PNG, 6 in each of 2 folders: suggested are 96x96, colour.',
  );
  expect(photographs.stdout).toMatch(
    /width: 96\n[\s\S]*channels: 3\n[\s\S]*background: "#000000"\n[\s\S]*invert: false/,
  );
  const scans = await roble('init', '.', '--pictures', 'scans', '--yes', '--dry-run', '--width', '40');
  expect(scans.stderr).toContain('grey, dark on light');
  expect(scans.stdout).toMatch(/width: 40\n +height: 48\n[\s\S]*background: "#ffffff"\n[\s\S]*invert: true/);
});

it('init fits the configuration to photographs, names what cannot be read, and says what to run', async () => {
  for (const kind of ['cats', 'dogs']) {
    await mkdir(at('shots', kind), { recursive: true });
    for (let i = 0; i < 3; i++) {
      const noise = { type: 'gaussian' as const, mean: 120, sigma: 60 };
      await sharp({ create: { width: 320, height: 240, channels: 3, background: '#888888', noise } })
        .tint('#80b0ff')
        .jpeg()
        .toFile(at('shots', kind, `${i}.jpg`));
    }
  }
  await writeFile(at('shots', 'cats', 'page.jpg'), '<html><body>Not found</body></html>');
  await writeFile(at('shots', 'dogs', 'empty.png'), '');
  const { exitCode, stdout, stderr } = await roble('init', 'shots', '--yes');
  expect(exitCode).toBe(0);
  expect(stderr).toContain('suggested are 224x224, colour. They look like photographs: cut to a square');
  expect(stderr).toMatch(
    /2 of 8 pictures cannot be read: .*page\.jpg: it is a web page.*empty\.png: it is empty/,
  );
  expect(stdout).toMatch(
    /cd shots\n +roble data:import \. --out data\/dataset\n +roble train --backbone FILE/,
  );
  const content = await readFile(at('shots', 'roble.config.yaml'), 'utf8');
  expect(content).toMatch(
    /width: 224\n[\s\S]*fit: "cover"\n[\s\S]*preset: "resnet-small"\n[\s\S]*strategy: "photo"\n/,
  );
  expect(content).toContain('# backbone: backbone.onnx\n');
  const imported = await roble(
    'data:import',
    'shots',
    '--out',
    'shots/data/dataset',
    '--config',
    'shots/roble.config.yaml',
  );
  expect(imported.stdout).toContain('6 images of 2 classes');
  const again = await roble('init', 'shots', '--yes');
  expect(again.exitCode).toBe(2);
  expect(await readFile(at('shots', 'roble.config.yaml'), 'utf8')).toBe(content);
});

it('hints draw characters for data sets of characters alone', async () => {
  const few = async (dataset: string) =>
    JSON.stringify(JSON.parse((await roble('data:validate', dataset, '--json')).stdout));
  await putPictures('photographs', 120, 80, true);
  await roble('data:import', 'photographs', '--out', 'cats');
  expect(await few('cats')).toMatch(/fewer than .* samples/);
  expect(await few('cats')).not.toContain('data:synth');
  await draw('few-letters', 'a,b', 4);
  expect(await few('few-letters')).toContain('data:synth');
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
