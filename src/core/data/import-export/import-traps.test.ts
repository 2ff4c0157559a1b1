/** What real folders, lists and files hold that an importer trips over. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { preprocessingSchema } from '../../image/settings.js';
import { classListText, folderNames } from '../dataset/class-names.js';
import { openDataset } from '../dataset/open.js';
import { type ImportOptions, importDataset } from './import.js';

const preprocessing = preprocessingSchema.parse({ width: 4, height: 4 });

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: folder, remove } = await temporaryFolder('traps'));
});
afterEach(() => remove());

async function put(name: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(join(folder, 'in', name)), { recursive: true });
  await writeFile(join(folder, 'in', name), content);
}
const run = async (options: Partial<ImportOptions> = {}) =>
  importDataset({
    sources: [join(folder, 'in')],
    out: join(await mkdtemp(join(folder, 'out-')), 'data'),
    preprocessing,
    ...options,
  });
const failure = (options: Partial<ImportOptions> = {}) =>
  run(options).then(
    () => 'none',
    (error) => error.code,
  );
const flat = (value: number, width = 4, height = 4) =>
  sharp(new Uint8Array(width * height).fill(value), { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer();
async function putClass(name: string, value: number): Promise<void> {
  for (let i = 0; i < 3; i++) await put(`${name}/${i}.png`, await flat(value));
}
/** The brightness of each class of flat pictures. */
async function brightnessOf(out: string) {
  const dataset = await openDataset(out);
  const { images, labels } = await dataset.load('train');
  return Object.fromEntries(
    [...labels].map((label, i) => [dataset.manifest.classes[label]!, images[16 * i]]),
  );
}

describe('class folders', () => {
  it('of the same letter in upper and lower case, and of signs that are no file names, are apart', async () => {
    const classes = { 'U+0041': 'A', 'U+0061': 'a', 'U+002F': '/', 'U+002E': '.', 'U+005C': '\\' };
    for (const [i, name] of Object.keys(classes).entries()) await putClass(name, 20 * i);
    expect(await brightnessOf((await run()).out)).toEqual(
      Object.fromEntries(Object.values(classes).map((name, i) => [name, 20 * i])),
    );
  });

  it('of several characters are decoded', async () => {
    await putClass('U+0043_U+002B_U+002B', 10);
    await putClass('C', 20);
    expect((await run()).classes).toEqual(['C', 'C++']);
  });

  it('that are too long for a folder are found by the list, of the file or of the caller', async () => {
    const classes = ['b', 'é'.repeat(200)];
    for (const [i, name] of folderNames(classes).entries()) await putClass(name, 10 * i);
    expect((await run({ classes })).count).toBe(6);
    await put('classes.txt', classListText(classes));
    expect((await run()).classes).toEqual(classes);
  });

  it('without a file are reported and are no classes', async () => {
    await putClass('a', 10);
    await putClass('b', 20);
    await mkdir(join(folder, 'in/nothing'));
    await put('hidden/.thumbs', '');
    const { classes, warnings } = await run();
    expect(classes).toEqual(['a', 'b']);
    expect(warnings).toContain('2 class folders without a picture: hidden, nothing');
  });

  it('are in the order of classes.txt, which may list more and may list less', async () => {
    for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) await putClass(`train/${name}`, 10 * i);
    await put('classes.txt', 'd\r\nx\r\nb\r\n');
    const { classes, warnings } = await run();
    expect(classes).toEqual(['d', 'b', 'a', 'c']);
    expect(warnings).toEqual(['listed classes without a sample are left out: "x"']);
    expect((await run({ classes: ['a', 'b', 'c', 'd'] })).classes).toEqual(['a', 'b', 'c', 'd']);
    await put('classes.txt', 'd\nb\nd\n');
    expect(await failure()).toBe('ROBLE_LABEL_RANGE');
  });
});

describe('pictures', () => {
  it('of 1x2 pixels, cut off, or too large to be decoded are left out', async () => {
    await putClass('a', 10);
    await putClass('b', 20);
    await put('b/dot.png', await flat(9, 1, 2));
    const noise = Uint8Array.from({ length: 900 }, (_, i) => Math.imul(i, 2654435761) >>> 24);
    const png = await sharp(noise, { raw: { width: 30, height: 30, channels: 1 } })
      .png()
      .toBuffer();
    await put('b/cut.png', png.subarray(0, png.length - 40));
    // 3,600 million pixels, says its header.
    await put('b/bomb.png', bomb(60_000));
    const { count, skipped } = await run();
    expect(count).toBe(6);
    expect(skipped.map(({ path, code }) => [path, code])).toEqual([
      ['b/bomb.png', 'ROBLE_IMAGE_TOO_LARGE'],
      ['b/cut.png', 'ROBLE_IMAGE_TRUNCATED'],
      ['b/dot.png', 'ROBLE_IMAGE_TOO_SMALL'],
    ]);
  });

  it('with ink on transparent paper come on the grey of the paper, inverted', async () => {
    // The left half is black ink, the right half is transparent over nothing.
    const rgba = Uint8Array.from({ length: 64 }, (_, i) => (i % 4 === 3 && (i >> 2) % 4 < 2 ? 255 : 0));
    const png = await sharp(rgba, { raw: { width: 4, height: 4, channels: 4 } })
      .png()
      .toBuffer();
    for (const name of ['a/1.png', 'a/2.png', 'b/1.png', 'b/2.png']) await put(name, png);
    const paper = { ...preprocessing, background: '#c0c0c0', invert: true };
    const { images } = await (await openDataset((await run({ preprocessing: paper })).out)).load('train');
    expect([...images.subarray(0, 4)]).toEqual([255, 255, 63, 63]);
  });
});

/** A PNG of one colour, far larger than its file. */
function bomb(side: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type), data, Buffer.alloc(4)]);
    bytes.writeUInt32BE(data.length, 0);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
    return bytes;
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  const rows = deflateSync(Buffer.alloc(100 * (side + 1)));
  return Buffer.concat([
    ...[Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header)],
    ...[chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))],
  ]);
}

describe('a CSV file', () => {
  let shade = 0;
  const putList = async (name: string, count: number) => {
    const rows = ['file,kind'];
    for (let i = 0; i < count; i++) {
      await put(`p/${name}${i}.png`, await flat(shade++));
      rows.push(`p/${name}${i}.png,${i % 2 ? 'odd' : 'even'}`);
    }
    await put(`${name}.csv`, rows.join('\n'));
  };
  const columns = { imageColumn: 'file', labelColumn: 'kind' };

  it('that does not list every picture is reported with examples', async () => {
    await putList('all', 10);
    await put('p/notes.txt', 'not a picture');
    expect((await run(columns)).warnings).toEqual([]);
    for (const i of [1, 2, 3, 4, 5]) await put(`p/DIGIT_${i}.PNG`, await flat(9));
    const expected = [
      '5 images in the folder not listed in all.csv: p/DIGIT_1.PNG, p/DIGIT_2.PNG, p/DIGIT_3.PNG and 2 more',
    ];
    expect((await run(columns)).warnings).toEqual(expected);
    expect((await run({ ...columns, sources: [join(folder, 'in/all.csv')] })).warnings).toEqual(expected);
  });

  it('beside another that lists the rest is not', async () => {
    await putList('train', 10);
    await putList('val', 10);
    expect((await run(columns)).warnings).toEqual([]);
    const sources = ['train', 'val'].map((name) => ({ path: join(folder, 'in', `${name}.csv`) }));
    expect((await run({ ...columns, sources })).warnings).toEqual([]);
  });
});

describe('EMNIST', () => {
  /** Pictures of 2x3 pixels, each the number of its sample, counted from `first`. */
  const putSet = async (prefix: string, labels: number[], first = 0) => {
    const images = Buffer.alloc(16 + 6 * labels.length);
    for (const [i, value] of [0x803, labels.length, 3, 2].entries()) images.writeUInt32BE(value, 4 * i);
    for (const i of labels.keys()) images.set([first + i, 101, 102, 103, 104, 105], 16 + 6 * i);
    const header = Buffer.alloc(8);
    header.writeUInt32BE(0x801);
    header.writeUInt32BE(labels.length, 4);
    await put(`${prefix}-images-idx3-ubyte`, images);
    await put(`${prefix}-labels-idx1-ubyte`, Buffer.concat([header, Buffer.from(labels)]));
  };
  const letters = async () => {
    await putSet('emnist-letters-train', [1, 2, 2, 1]);
    await putSet('emnist-letters-test', [2, 1], 50);
    await put('emnist-letters-mapping.txt', '1 65 97\n2 66 98\n');
  };

  it('gives splits by its names, classes by its mapping, and a warning that names the flag', async () => {
    await letters();
    const { splits, classes, warnings } = await run();
    expect([splits, classes]).toEqual([{ train: 4, test: 2 }, ['A', 'B']]);
    expect(warnings).toEqual([expect.stringContaining('--transpose')]);
    for (const transpose of [true, false]) expect((await run({ transpose })).warnings).toEqual([]);
  });

  it('has rows and columns swapped with transpose, also when its pictures are not square', async () => {
    await letters();
    const shape = preprocessingSchema.parse({ width: 3, height: 2 });
    const dataset = await openDataset((await run({ preprocessing: shape, transpose: true })).out);
    expect([...(await dataset.load('train')).images.subarray(6, 12)]).toEqual([1, 102, 104, 101, 103, 105]);
    expect(dataset.manifest.recipe).toMatchObject({ transpose: true });
  });

  it('lets --classes say what a label means', async () => {
    await putSet('emnist-digits-train', [0, 1]);
    await put('emnist-digits-mapping.txt', 'no mapping');
    expect(await failure()).toBe('ROBLE_LABEL_RANGE');
    expect((await run({ classes: ['x', 'y'] })).classes).toEqual(['x', 'y']);
  });

  it('refuses a label that the mapping lacks, and a folder with two of its sets', async () => {
    await letters();
    await put('emnist-letters-mapping.txt', '1 65 97\n');
    expect(await failure()).toBe('ROBLE_LABEL_RANGE');
    await letters();
    await putSet('emnist-mnist-train', [0, 1]);
    expect(await failure()).toBe('ROBLE_SOURCE_UNKNOWN');
  });
});

describe('numbers of another scale', () => {
  it.each([
    ['float32', 0x0d],
    ['float64', 0x0e],
    ['int16', 0x0b],
    ['int32', 0x0c],
    ['int8', 0x09],
  ])('in an IDX file of %s are refused by the name of their type', async (type, code) => {
    await put('train-images-idx3-ubyte', Buffer.from([0, 0, code, 3, ...Array(12).fill(0)]));
    await put('train-labels-idx1-ubyte', Buffer.from([0, 0, 8, 1, 0, 0, 0, 0]));
    await expect(run()).rejects.toMatchObject({
      code: 'ROBLE_IDX_MAGIC',
      message: expect.stringContaining(`type ${type}`),
      details: { expected: expect.stringContaining('unsigned bytes') },
    });
  });

  it('are told when all pictures become one shade by them, and not otherwise', async () => {
    for (const [i, name] of ['a', 'b'].entries())
      for (let k = 0; k < 3; k++) await put(`${name}/${k}.png`, await flat(i));
    expect((await run()).warnings.join()).toContain('from 0 to 1 of 255');
    await put('b/3.png', await flat(200));
    expect((await run()).warnings.join()).not.toContain('of 255');
  });
});
