import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../base/storage/durable.js';
import { preprocessingSchema } from '../../image/settings.js';
import { drawingToPixels } from '../../image/strokes/frame.js';
import { openDataset, viewOf } from '../dataset/open.js';
import { manifestOf } from '../dataset/parts.js';
import { type ImportOptions, importDataset } from './import.js';

const preprocessing = preprocessingSchema.parse({ width: 6, height: 6 });
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roble-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const idx = (magic: number, sizes: number[], values: number[] | Uint8Array): Buffer => {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(magic);
  for (const [i, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([header, Buffer.from(values)]);
};
const ramp = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7) & 255);
const put = async (name: string, content: Uint8Array | string) => {
  await mkdir(join(folder, name, '..'), { recursive: true });
  await writeFile(join(folder, name), content);
};
const run = (options: Partial<ImportOptions> = {}) =>
  importDataset({ sources: [join(folder, 'in')], out: join(folder, 'out'), preprocessing, ...options });
/** The code of the failure, and that nothing is left of the output. */
const failure = async (options: Partial<ImportOptions> = {}) => {
  const code = await run(options).then(
    () => 'none',
    (error) => error.code,
  );
  expect((await readdir(folder)).filter((name) => name.includes('out'))).toEqual([]);
  return code;
};
const putIdx = async (images: Buffer, labels: Buffer, prefix = '') => {
  await put(`in/${prefix}images-idx3-ubyte.gz`, gzipSync(images));
  await put(`in/${prefix}labels-idx1-ubyte`, labels);
};
const TEN_LABELS = idx(0x801, [10], [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
const picture = (value: number, size = 6) =>
  sharp({ create: { width: size, height: size, channels: 3, background: { r: value, g: value, b: value } } });

describe('IDX', () => {
  it('comes through bit for bit, with given splits', async () => {
    await putIdx(idx(0x803, [10, 6, 6], ramp(360)), TEN_LABELS, 'train-');
    await putIdx(idx(0x803, [10, 6, 6], ramp(360).reverse()), TEN_LABELS, 'val-');
    const result = await run({ classes: ['x', 'y'] });
    expect(result.splits).toEqual({ train: 10, validation: 10 });
    const dataset = await openDataset(result.out);
    const { images, labels } = await dataset.load('train');
    expect(Buffer.from(images)).toEqual(Buffer.from(ramp(360)));
    expect([...labels]).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    const sources: string[] = [];
    for await (const { source } of dataset.provenance('validation')) sources.push(source);
    expect(sources[9]).toBe('val-images-idx3-ubyte.gz#9');
  });

  it('reads colour', async () => {
    await put('in/images-idx4-ubyte', idx(0x804, [10, 6, 6, 3], ramp(1080)));
    await put('in/labels-idx1-ubyte', TEN_LABELS);
    const result = await run({ preprocessing: { ...preprocessing, channels: 3 } });
    expect(result.count).toBe(10);
  });

  it.each([
    ['a wrong magic number', 'ROBLE_IDX_MAGIC', idx(0x1234, [10, 6, 6], ramp(360)), TEN_LABELS],
    [
      'a wrong magic number of labels',
      'ROBLE_IDX_MAGIC',
      idx(0x803, [10, 6, 6], ramp(360)),
      idx(0x803, [10], ramp(10)),
    ],
    ['too few values', 'ROBLE_IDX_COUNT', idx(0x803, [10, 6, 6], ramp(359)), TEN_LABELS],
    [
      'images and labels that differ in number',
      'ROBLE_IDX_COUNT',
      idx(0x803, [9, 6, 6], ramp(324)),
      TEN_LABELS,
    ],
    ['a header that breaks off', 'ROBLE_IDX_COUNT', idx(0x803, [10], []), TEN_LABELS],
    ['trailing bytes', 'ROBLE_IDX_TRAILING', idx(0x803, [10, 6, 6], ramp(361)), TEN_LABELS],
    [
      'trailing labels',
      'ROBLE_IDX_TRAILING',
      idx(0x803, [10, 6, 6], ramp(360)),
      Buffer.concat([TEN_LABELS, Buffer.alloc(1)]),
    ],
    [
      'a label out of range',
      'ROBLE_LABEL_RANGE',
      idx(0x803, [10, 6, 6], ramp(360)),
      idx(0x801, [10], [0, 1, 0, 1, 0, 1, 0, 1, 0, 2]),
    ],
    ['images of 1x2 pixels', 'ROBLE_IMAGE_TOO_SMALL', idx(0x803, [10, 2, 1], ramp(20)), TEN_LABELS],
  ])('refuses %s', async (_name, code, images, labels) => {
    await putIdx(images, labels);
    expect(await failure({ classes: ['x', 'y'] })).toBe(code);
  });

  it('refuses a gzip stream that breaks off', async () => {
    const whole = gzipSync(idx(0x803, [10, 6, 6], ramp(360)));
    await putIdx(Buffer.alloc(0), TEN_LABELS);
    await put('in/images-idx3-ubyte.gz', whole.subarray(0, whole.length - 30));
    expect(await failure()).toBe('ROBLE_IDX_COUNT');
  });

  it('refuses images without labels', async () => {
    await put('in/images-idx3-ubyte', idx(0x803, [10, 6, 6], ramp(360)));
    expect(await failure()).toBe('ROBLE_FILE_NOT_FOUND');
  });
});

describe('a folder for each class', () => {
  const fill = async () => {
    for (let i = 0; i < 10; i++) {
      await put(
        `in/U+0041/${i}.png`,
        await picture(20 * i)
          .png()
          .toBuffer(),
      );
      await put(
        `in/b/deep/${i}.jpg`,
        await picture(20 * i)
          .jpeg()
          .toBuffer(),
      );
    }
  };

  it('leaves bad files out and reports each; strict refuses the first', async () => {
    await fill();
    const png = await sharp(Buffer.from(ramp(3 * 40 * 40)), { raw: { width: 40, height: 40, channels: 3 } })
      .png()
      .toBuffer();
    await put('in/b/empty.png', '');
    await put('in/b/cut.png', png.subarray(0, png.length / 2));
    await put('in/b/text.png', 'no picture');
    const result = await run();
    expect(result.classes).toEqual(['A', 'b']);
    expect(result.count).toBe(20);
    expect(result.skipped.map(({ path, code }) => [path, code])).toEqual([
      ['b/cut.png', 'ROBLE_IMAGE_TRUNCATED'],
      ['b/empty.png', 'ROBLE_IMAGE_EMPTY'],
      ['b/text.png', 'ROBLE_IMAGE_UNREADABLE'],
    ]);
    await rm(result.out, { recursive: true });
    expect(await failure({ strict: true })).toBe('ROBLE_IMAGE_TRUNCATED');
  });

  it('says what could not be used where nothing is left to import', async () => {
    for (const name of ['a/1.heic', 'b/2.heic'])
      await put(`in/${name}`, '\0\0\0\x18ftypheic\0\0\0\0mif1heic');
    const error = await run().catch((thrown) => thrown);
    expect(error.details.problems).toMatchObject(
      ['a/1.heic', 'b/2.heic'].map((path) => ({ path, code: 'ROBLE_IMAGE_UNSUPPORTED' })),
    );
    expect(error.details.nextSteps).toContain('2 samples could not be used.');
  });

  it('gives the same bytes and the same report, whatever the number of threads', async () => {
    await fill();
    // Many batches, each with pictures of several kinds and sizes, and with what cannot be used.
    for (let i = 0; i < 150; i++) {
      const form = (['png', 'jpeg', 'webp'] as const)[i % 3]!;
      const bytes = await picture((i * 7) & 255, 6 + (i % 5))
        [form]()
        .toBuffer();
      await put(`in/a/${i}.${form}`, i % 10 === 9 ? bytes.subarray(0, 40) : bytes);
    }
    const read = async (out: string, workers: number) => {
      const { out: _, ...report } = await run({ out: join(folder, out), workers, name: 'same', seed: 3 });
      const names = (await readdir(join(folder, out))).sort();
      const files = names.map(async (name) => [name, await readFile(join(folder, out, name))]);
      return { report, files: await Promise.all(files) };
    };
    const one = await read('one', 1);
    expect(one.report.skipped).toHaveLength(15);
    expect(await read('two', 2)).toEqual(one);
    expect(await read('many', 7)).toEqual(one);
  });

  it('takes train and val folders as given splits', async () => {
    for (const place of ['train/a', 'train/b', 'val/a', 'val/b'])
      await put(`in/${place}/1.png`, await picture(90).png().toBuffer());
    expect((await run()).splits).toEqual({ train: 2, validation: 2 });
  });

  it('refuses a class with one sample, and a single class', async () => {
    await fill();
    await put('in/c/1.png', await picture(90).png().toBuffer());
    expect(await failure()).toBe('ROBLE_CLASS_TOO_SMALL');
    await rm(join(folder, 'in/b'), { recursive: true });
    await rm(join(folder, 'in/c'), { recursive: true });
    expect(await failure()).toBe('ROBLE_CLASS_TOO_SMALL');
  });

  it('refuses a source without samples', async () => {
    await mkdir(join(folder, 'in/a'), { recursive: true });
    expect(await failure()).toBe('ROBLE_SOURCE_EMPTY');
  });
});

describe('CSV', () => {
  it('finds files that differ in case, reports bad rows, and keeps groups together', async () => {
    const rows = ['image,label,group'];
    for (let i = 0; i < 20; i++) {
      await put(
        `in/p/${i}.PNG`,
        await picture(10 * i)
          .png()
          .toBuffer(),
      );
      rows.push(`p/${i}.png,${i % 2 ? 'odd' : 'even'},w${i >> 1}`);
    }
    await put('in/list.csv', [...rows, 'p/99.png,odd,w0', 'p/1.png', ',odd,w1'].join('\n'));
    const result = await run();
    expect(result.count).toBe(20);
    expect(result.notices).toEqual({ 'found under a name that differs in upper and lower case': 20 });
    expect(result.skippedByCode).toEqual({ ROBLE_FILE_NOT_FOUND: 1, ROBLE_CSV_INVALID: 2 });
  });

  it('refuses a file without the columns', async () => {
    await put('in/list.csv', 'document,wing\na.png,b\n');
    expect(await failure()).toBe('ROBLE_CSV_INVALID');
  });
});

describe('strokes', () => {
  it('are drawn, light on dark, and grouped by writer', async () => {
    const lines = Array.from({ length: 20 }, (_, i) =>
      JSON.stringify({
        label: i % 2 ? 'l' : '-',
        writer: `w${i >> 1}`,
        unit: 10,
        strokes: [
          i % 2
            ? [
                [0, 0],
                [0, 10],
              ]
            : [
                [0, 0],
                [10, 0],
              ],
        ],
      }),
    );
    await put('in/drawn.jsonl.gz', gzipSync([...lines, '{"label": 3}', 'nonsense'].join('\n')));
    const result = await run({ preprocessing: preprocessingSchema.parse({}) });
    expect(result.skippedByCode).toEqual({ ROBLE_STROKES_INVALID: 2 });
    const { images } = await (await openDataset(result.out)).load('train');
    expect(Math.max(...images)).toBeGreaterThan(200);
    expect(images[0]).toBe(0);
  });

  /** Crosses and rings of any place and size, drawn by ten writers. */
  const anyDrawings = () =>
    Array.from({ length: 40 }, (_, i) => {
      const point = (angle: number) => [90 * Math.cos(angle) + 7 * i, (60 + i) * Math.sin(angle)];
      const ring = Array.from({ length: 30 + i }, (_, step) => point(step / 5));
      const strokes = i % 2 ? [ring] : [[point(0), point(3)], [point(1.5), point(4.7)], [point(2)]];
      return JSON.stringify({ label: i % 2 ? 'o' : 'x', writer: `w${i >> 2}`, unit: 200, strokes });
    });

  it.each([
    {},
    { width: 40, height: 24, channels: 3 },
    { width: 12, height: 12, background: '#ffffff' },
    { background: '#ffffff', channels: 3, invert: true },
  ])('are kept, and draw the very picture: %j', async (settings) => {
    await put('in/drawn.jsonl', anyDrawings().join('\n'));
    const preprocessing = preprocessingSchema.parse(settings);
    const { manifest, load } = await openDataset((await run({ preprocessing })).out);
    expect(manifest.splits.train!.parts[0]!.strokes!.file).toBe('train-00000.strokes');
    for (const split of ['train', 'validation'] as const) {
      const loaded = await load(split);
      for (let i = 0; i < loaded.count; i++) {
        const { data, strokes } = viewOf(loaded, preprocessing, i);
        // No tolerance: the picture was drawn from the rounded strokes.
        expect(drawingToPixels(strokes!, preprocessing)).toEqual(Uint8Array.from(data));
      }
    }
  });

  it('count for the fingerprint, and a changed byte of them is noticed', async () => {
    await put('in/drawn.jsonl', anyDrawings().join('\n'));
    const { out } = await run();
    const path = join(out, 'train-00000.strokes');
    const bytes = await readFile(path);
    bytes[10]! ^= 1;
    await writeFile(path, bytes);
    await expect((await openDataset(out)).load('train')).rejects.toMatchObject({
      code: 'ROBLE_DATASET_INVALID',
      message: expect.stringContaining('train-00000.strokes'),
    });
    const { manifest } = await openDataset(out);
    const train = manifest.splits.train!;
    const changed = structuredClone(train);
    changed.parts[0]!.strokes!.sha256 = sha256(bytes);
    const [before, after] = [manifestOf(manifest, { train }), manifestOf(manifest, { train: changed })];
    expect(after.fingerprint).not.toBe(before.fingerprint);
  });

  it('that are not those of the samples are refused, though their hash is right', async () => {
    await put('in/drawn.jsonl', anyDrawings().join('\n'));
    const { out } = await run();
    const manifest = JSON.parse(await readFile(join(out, 'dataset.json'), 'utf8'));
    const bytes = (await readFile(join(out, 'train-00000.strokes'))).subarray(0, -2);
    await writeFile(join(out, 'train-00000.strokes'), bytes);
    const file = { file: 'train-00000.strokes', bytes: bytes.length, sha256: sha256(bytes) };
    manifest.splits.train.parts[0].strokes = file;
    await writeFile(join(out, 'dataset.json'), JSON.stringify(manifest));
    await expect((await openDataset(out)).load('train')).rejects.toMatchObject({
      code: 'ROBLE_DATASET_INVALID',
      details: { expected: expect.stringContaining('the strokes of') },
    });
  });

  it('may be those of some samples only', async () => {
    await put('in/drawn.jsonl', anyDrawings().join('\n'));
    await putIdx(idx(0x803, [10, 6, 6], ramp(360)), TEN_LABELS, 'pixels/train-');
    const result = await run({
      sources: [join(folder, 'in/pixels'), join(folder, 'in/drawn.jsonl')],
      classes: ['x', 'o'],
      split: { mode: 'ratio', ratios: { train: 0.8, validation: 0.2 } },
    });
    const dataset = await openDataset(result.out);
    for (const split of ['train', 'validation'] as const) {
      const loaded = await dataset.load(split);
      let sample = 0;
      for await (const { source } of dataset.provenance(split)) {
        const { strokes } = viewOf(loaded, preprocessing, sample++);
        expect(strokes !== undefined).toBe(source.startsWith('drawn'));
      }
    }
  });
});

describe('archives', () => {
  it('are unpacked', async () => {
    for (let i = 0; i < 10; i++)
      await put(
        `src/${i % 2 ? 'a' : 'b'}/${i}.png`,
        await picture(9 * i)
          .png()
          .toBuffer(),
      );
    await promisify(execFile)('tar', ['czf', join(folder, 'in.tar.gz'), '-C', join(folder, 'src'), '.']);
    expect((await run({ sources: [join(folder, 'in.tar.gz')] })).count).toBe(10);
  });

  it('that name a path outside of them are refused', async () => {
    await put('a/x.png', 'x');
    await promisify(execFile)('tar', [
      'cPf',
      join(folder, 'in.tar'),
      '--transform',
      's,^a,../evil,',
      '-C',
      folder,
      'a/x.png',
    ]);
    expect(await failure({ sources: [join(folder, 'in.tar')] })).toBe('ROBLE_SOURCE_UNKNOWN');
  });
});

describe('the written data set', () => {
  it('is, without strokes, the very one that was written before strokes were kept', async () => {
    await putIdx(idx(0x803, [10, 6, 6], ramp(360)), TEN_LABELS, 'train-');
    const { out } = await run();
    expect(sha256(await readFile(join(out, 'dataset.json')))).toBe(
      'ef4d552a282b21fc67fbdac983b2a599d3595fa020baaa933e14d61d186dce1a',
    );
  });

  it('notices a changed byte, and names the file', async () => {
    await putIdx(idx(0x803, [10, 6, 6], ramp(360)), TEN_LABELS, 'train-');
    const { out } = await run();
    const file = join(out, 'train-00000.images');
    const bytes = await readFile(file);
    bytes[17]! ^= 1;
    await writeFile(file, bytes);
    await expect((await openDataset(out)).load('train')).rejects.toMatchObject({
      code: 'ROBLE_DATASET_INVALID',
      message: expect.stringContaining('train-00000.images'),
    });
  });

  it('is not written over', async () => {
    await putIdx(idx(0x803, [10, 6, 6], ramp(360)), TEN_LABELS, 'train-');
    await run();
    await expect(run()).rejects.toMatchObject({ code: 'ROBLE_OUTPUT_EXISTS' });
  });

  it('leaves nothing on a full disk', async (test) => {
    await putIdx(
      idx(0x803, [4000, 6, 6], ramp(144_000)),
      idx(
        0x801,
        [4000],
        ramp(4000).map((v) => v & 1),
      ),
      'train-',
    );
    const disk = join(folder, 'disk');
    await mkdir(disk);
    const code = `
      const { importDataset } = await import(${JSON.stringify(new URL('../../../../dist/core/data/import-export/import.js', import.meta.url).href)});
      const { readdirSync } = await import('node:fs');
      const options = ${JSON.stringify({ sources: [join(folder, 'in')], out: join(disk, 'out'), preprocessing })};
      const code = await importDataset(options).then(() => 'none', (error) => error.code);
      process.stdout.write(JSON.stringify({ code, left: readdirSync(${JSON.stringify(disk)}) }));`;
    await put('child.mjs', code);
    const mount = `mount -t tmpfs -o size=200k tmpfs ${disk}`;
    const inOwnMounts = (command: string) => promisify(execFile)('unshare', ['-rm', 'sh', '-c', command]);
    // A disk of its own needs user namespaces, which some machines forbid.
    if (
      await inOwnMounts(mount).then(
        () => false,
        () => true,
      )
    )
      return test.skip();
    const { stdout } = await inOwnMounts(`${mount} && ${process.execPath} ${join(folder, 'child.mjs')}`);
    expect(JSON.parse(stdout)).toEqual({ code: 'ROBLE_DISK_FULL', left: [] });
  });

  it('leaves nothing when it is interrupted', async () => {
    await putIdx(idx(0x803, [10, 6, 6], ramp(360)), TEN_LABELS, 'train-');
    const options = { sources: [join(folder, 'in')], out: join(folder, 'out'), preprocessing };
    await expect(importDataset(options, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ROBLE_INTERRUPTED',
    });
    expect(await readdir(folder)).toEqual(['in']);
  });
});
