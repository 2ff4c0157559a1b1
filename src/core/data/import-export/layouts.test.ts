/** The layouts in which the world keeps pictures: each is imported as it is meant, or refused with what to do. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { create, replace } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { type ZipEntry, zipOf } from '../../../../test/support/zip.js';
import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { preprocessingSchema } from '../../image/settings.js';
import { type ImportOptions, type ImportResult, importDataset } from './import.js';

const preprocessing = preprocessingSchema.parse({ width: 4, height: 4 });
/** Two pictures of each of two classes, in three splits where there are any. */
const CLASSES = ['cat', 'dog'];

let root: string;
let remove: () => Promise<void>;
let png: Buffer;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('layouts'));
  png = await sharp(
    Uint8Array.from({ length: 16 }, (_, i) => 15 * i),
    {
      raw: { width: 4, height: 4, channels: 1 },
    },
  )
    .png()
    .toBuffer();
});
afterAll(() => remove());

type Files = Readonly<Record<string, Uint8Array | string>>;

const pictures = (...folders: string[]): Files =>
  Object.fromEntries(folders.flatMap((folder) => [1, 2, 3].map((i) => [`${folder}/${i}.png`, png])));
const classFolders = (prefix = ''): Files => pictures(...CLASSES.map((name) => prefix + name));
const splitFolders = (prefix = ''): Files => ({
  ...classFolders(`${prefix}train/`),
  ...classFolders(`${prefix}test/`),
});
/** Six pictures of a folder and the rows that say what they show. */
const listed = (folder: string, row: (name: string, label: string) => string) => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  return {
    files: Object.fromEntries(names.map((name) => [`${folder}${name}.png`, png])) as Files,
    rows: names.map((name, i) => row(name, CLASSES[i % 2]!)).join('\n'),
  };
};

async function put(files: Files): Promise<string> {
  const folder = join(await mkdtemp(join(root, 'in-')), 'source');
  await mkdir(folder);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}
async function putFile(name: string, content: Uint8Array | string): Promise<string> {
  return join(await put({ [name]: content }), name);
}
async function tarOf(files: Files, name = 'pictures.tar.gz'): Promise<string> {
  const folder = await put(files);
  const file = join(dirname(folder), name);
  await create({ cwd: folder, file, gzip: name.endsWith('gz') }, ['.']);
  return file;
}
const zipped = (files: Files, ...more: ZipEntry[]) =>
  putFile(
    'pictures.zip',
    zipOf([...Object.entries(files).map(([name, content]) => ({ name, content })), ...more]),
  );

const run = async (source: string, options: Partial<ImportOptions> = {}, context: Context = {}) =>
  importDataset(
    { sources: [source], out: join(await mkdtemp(join(root, 'out-')), 'data'), preprocessing, ...options },
    context,
  );
const failureOf = (source: string, options: Partial<ImportOptions> = {}) =>
  run(source, options).then(
    () => undefined,
    (error) => error,
  );

interface Imported {
  readonly classes?: readonly string[];
  readonly count: number;
  readonly splits?: ImportResult['splits'];
  readonly skipped?: number;
  readonly warnings?: readonly RegExp[];
}

const idx = (magic: number, sizes: number[], values: number[]): Buffer => {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  for (const [i, value] of [magic, ...sizes].entries()) header.writeUInt32BE(value, 4 * i);
  return Buffer.concat([header, Buffer.from(values)]);
};
const emnist = (prefix: string): Files => ({
  [`${prefix}emnist-letters-train-images-idx3-ubyte.gz`]: gzipSync(
    idx(
      0x803,
      [6, 4, 4],
      Array.from({ length: 96 }, (_, i) => i),
    ),
  ),
  [`${prefix}emnist-letters-train-labels-idx1-ubyte.gz`]: gzipSync(idx(0x801, [6], [1, 2, 1, 2, 1, 2])),
  [`${prefix}emnist-letters-mapping.txt`]: '1 67 99\n2 68 100\n',
});

const jsonl = (split: string): Files => {
  const { files, rows } = listed(`${split}/`, (name, label) =>
    JSON.stringify({ file_name: `${name}.png`, label, caption: 'a "pet"', box: [1, 2] }),
  );
  return { ...files, [`${split}/metadata.jsonl`]: rows };
};

/** In the words of docs/data.md, where the same table is. */
const IMPORTED: Record<string, [() => Promise<string>, Imported, Partial<ImportOptions>?]> = {
  'torchvision: CLASS/picture': [() => put(classFolders()), { count: 6 }],
  'torchvision: SPLIT/CLASS/picture': [
    () => put(splitFolders()),
    { count: 12, splits: { train: 6, test: 6 } },
  ],
  'split folders beside what systems and people leave': [
    () =>
      put({
        ...splitFolders(),
        ...{ '__MACOSX/train/cat/._1.png': 'x', '.ipynb_checkpoints/1.png': png, 'train/.DS_Store': 'x' },
        ...{ 'train/cat/Thumbs.db': 'x', 'train/cat/@eaDir/1.png': png, 'train/dog/bark.ogg': 'OggS' },
        ...{
          'train/dog/howl.ogg': 'OggS',
          'notes/readme.txt': 'x',
          'train/cat/film.mp4': '\0\0\0\x18ftypisom',
        },
      }),
    {
      count: 12,
      splits: { train: 6, test: 6 },
      warnings: [
        /^9 files are no pictures \(2 \.ogg, such as train\/dog\/bark\.ogg; .*1 __MACOSX.*1 \.mp4 \(a film: save the frame/,
      ],
    },
  ],
  'a class called "train" beside others': [
    () => put(pictures('train', 'car', 'plane')),
    { count: 9, classes: ['car', 'plane', 'train'] },
  ],
  'names like those of splits, with --top-folders splits': [
    () => put({ ...classFolders('training_set/training_set/'), ...classFolders('test_set/test_set/') }),
    { count: 12, splits: { train: 6, test: 6 } },
    { topFolders: 'splits' },
  ],
  'pictures without class folders in one split': [
    () => put({ ...classFolders('train/'), 'test/1.png': png, 'test/2.png': png }),
    { count: 6, skipped: 2 },
  ],
  'pictures without an ending': [
    () => put({ ...classFolders(), 'cat/0004': png, 'dog/0004.dat': png }),
    { count: 8 },
  ],
  'one top folder': [() => put({ ...splitFolders('data/pets/'), 'LICENSE.txt': 'x' }), { count: 12 }],
  'one top folder with a CSV file': [
    async () => {
      const { files, rows } = listed('pets/images/', (name, label) => `images/${name}.png,${label}`);
      return put({ ...files, 'pets/labels.csv': `image,label\n${rows}` });
    },
    { count: 6 },
  ],
  'links to folders and files': [
    async () => {
      const pool = await put(classFolders());
      const folder = await put({ 'dog/1.png': png });
      await symlink(join(pool, 'cat'), join(folder, 'cat'));
      await symlink(join(pool, 'dog/2.png'), join(folder, 'dog/2.png'));
      return folder;
    },
    { count: 5 },
  ],
  'links that cannot be used': [
    async () => {
      const folder = await put(classFolders());
      await symlink('self.png', join(folder, 'cat/self.png'));
      await symlink('/nonexistent/x.png', join(folder, 'cat/gone.png'));
      await symlink('..', join(folder, 'cat/up'));
      await symlink('../dog', join(folder, 'cat/other'));
      execFileSync('mkfifo', [join(folder, 'dog/pipe.png')]);
      return folder;
    },
    { count: 6, skipped: 5 },
  ],
  'Hugging Face: metadata.csv': [
    async () => {
      const { files, rows } = listed('', (name, label) => `${name}.png,${label}`);
      return put({ ...files, 'metadata.csv': `file_name,label\n${rows}` });
    },
    { count: 6 },
  ],
  'Hugging Face: metadata.csv at the top of splits': [
    async () => {
      const [train, test] = ['train', 'test'].map((split) =>
        listed(`${split}/`, (name, label) => `${split}/${name}.png,${label}`),
      );
      return put({
        ...train!.files,
        ...test!.files,
        'metadata.csv': `file_name,label\n${train!.rows}\n${test!.rows}`,
      });
    },
    { count: 12, splits: { train: 6, test: 6 } },
  ],
  'Hugging Face: metadata.jsonl in each split': [
    () => put({ ...jsonl('train'), ...jsonl('test') }),
    { count: 12, splits: { train: 6, test: 6 } },
  ],
  'Hugging Face: metadata with another label': [
    async () => {
      const { files, rows } = listed('', (name, label) => `${name}.png,${label},x`);
      return put({ ...files, 'metadata.csv': `file_name,animal,text\n${rows}` });
    },
    { count: 6 },
    { labelColumn: 'animal' },
  ],
  'Kaggle: ids, and a folder of pictures': [
    async () => {
      const { files, rows } = listed('train_images/', (name, label) => `${name},${label}`);
      return put({ ...files, 'test_images/x.png': png, 'train.csv': `id_code,diagnosis\n${rows}` });
    },
    { count: 6, warnings: [/^1 image in the folder not listed in train\.csv: test_images/] },
  ],
  'Kaggle: names, further columns, and a folder': [
    async () => {
      const { files, rows } = listed('images/', (name, label) => `9,${name}.png,${label},0.5`);
      return put({ ...files, 'labels.csv': `id,filename,category,score\n${rows}` });
    },
    { count: 6 },
  ],
  EMNIST: [() => put(emnist('')), { count: 6, classes: ['C', 'D'], warnings: [/--transpose/] }],
  'EMNIST in its archive': [() => zipped(emnist('gzip/')), { count: 6, classes: ['C', 'D'] }],
  'a tar archive': [() => tarOf(classFolders()), { count: 6 }],
  'a tar archive with one top folder': [() => tarOf(classFolders('pets/'), 'pets.tar'), { count: 6 }],
  'a tar archive under another name': [() => tarOf(classFolders(), 'download.gz'), { count: 6 }],
  'a zip archive': [() => zipped(splitFolders()), { count: 12, splits: { train: 6, test: 6 } }],
  'a zip archive of macOS': [
    () => zipped({ ...classFolders('grün/'), '__MACOSX/grün/cat/._1.png': 'x' }),
    { count: 6 },
  ],
  'links in a tar archive': [
    async () => {
      const folder = await put(classFolders());
      await symlink('1.png', join(folder, 'cat/9.png'));
      const file = join(dirname(folder), 'pictures.tar');
      await create({ cwd: folder, file }, ['.']);
      return file;
    },
    { count: 6, skipped: 1 },
  ],
  'links in a zip archive': [
    () => zipped(classFolders(), { name: 'cat/9.png', content: '../../etc/passwd', isLink: true }),
    { count: 6, skipped: 1 },
  ],
  'an archive beside class folders': [
    () => put({ ...classFolders(), 'more.zip': zipOf([]) }),
    { count: 6, warnings: [/^archives in .*source are not unpacked: more\.zip/] },
  ],
};

describe('is imported', () => {
  it.each(Object.entries(IMPORTED))('%s', async (_, [make, expected, options]) => {
    const result = await run(await make(), options);
    expect({
      classes: result.classes,
      count: result.count,
      skipped: result.skipped.length,
      ...(expected.splits && { splits: result.splits }),
    }).toEqual({
      classes: expected.classes ?? CLASSES,
      count: expected.count,
      skipped: expected.skipped ?? 0,
      ...(expected.splits && { splits: expected.splits }),
    });
    for (const warning of expected.warnings ?? [])
      expect(result.warnings).toEqual(expect.arrayContaining([expect.stringMatching(warning)]));
  });
});

/** Each with what the error must say. */
const REFUSED: Record<string, [() => Promise<string>, RegExp]> = {
  'split folders beside another folder with pictures': [
    () => put({ ...splitFolders(), ...pictures('extra') }),
    /may be classes, or splits.*--top-folders classes.*--top-folders splits.*--train DIR/,
  ],
  'pictures directly in folders named for splits': [
    () => put(pictures('train', 'test')),
    /may be classes, or splits.*--top-folders/,
  ],
  'names like those of splits': [
    () => put({ ...classFolders('seg_train/'), ...classFolders('seg_test/') }),
    /may be classes, or splits.*--top-folders/,
  ],
  'pictures without a label': [() => put({ '1.png': png, '2.png': png }), /a folder for each class/],
  'parts of the data, which hold the same classes': [
    () => put({ ...classFolders('batch1/'), ...classFolders('batch2/') }),
    /or parts of the data.*"batch1", "batch2".*--top-folders classes.*source\/batch1/,
  ],
  'a list without a header': [
    async () => {
      const { files, rows } = listed('', (name, label) => `${name}.png,${label}`);
      return put({ ...files, 'labels.csv': rows });
    },
    /write a header above it: "image,label"/,
  ],
  'tar in tar': [
    async () => tarOf({ 'train.tar': await readFile(await tarOf(classFolders(), 'x.tar')) }),
    // The folder that it was unpacked into is gone.
    /^(?!.*roble-import).*Unpack [^ ]*\.tar(\.gz)?, and import the train\.tar that is in it/,
  ],
  'zip in a folder': [
    () => put({ 'train.zip': zipOf([]), 'readme.txt': 'x' }),
    /Import the archive itself: "roble data:import .*train\.zip"/,
  ],
  'an encrypted zip archive': [
    () => zipped({}, { name: 'cat/1.png', content: png, isEncrypted: true }),
    /cat\/1\.png is encrypted.*name the folder/,
  ],
  'a zip archive with a path outside of it': [
    () => zipped(classFolders(), { name: '../evil.png', content: png }),
    /a path outside of it: \.\.\/evil\.png/,
  ],
  'a zip archive that was cut off': [
    async () => putFile('pictures.zip', zipOf([{ name: 'a/1.png', content: png }]).subarray(0, 60)),
    /cannot be unpacked.*Download it again/,
  ],
  'a tar archive that was cut off': [
    async () => {
      const whole = await readFile(await tarOf(classFolders()));
      return putFile('pictures.tar.gz', whole.subarray(0, whole.length - 60));
    },
    /cannot be unpacked.*Download it again/,
  ],
  'tar.xz': [
    () => putFile('p.tar.xz', 'x'),
    /packed by xz, which cannot be unpacked here.*Unpack it \("tar xJf/,
  ],
  'tar.zst': [() => putFile('p.tar.zst', 'x'), /packed by zstd, which cannot be unpacked here.*Unpack it/],
  'tar.bz2': [() => putFile('p.tbz2', 'x'), /packed by bzip2, which cannot be unpacked here.*Unpack it/],
  '7z': [() => putFile('p.7z', 'x'), /7z archive, which cannot be unpacked here.*Unpack it/],
  'rar under another name': [
    () => putFile('download', 'Rar!\x1a\x07\x00'),
    /RAR archive, which cannot be unpacked here.*Unpack it/,
  ],
  'columns that leave a choice': [
    async () => {
      const { files, rows } = listed('', (name, label) => `${name}.png,${label},${label}`);
      return put({ ...files, 'labels.csv': `image,class,category\n${rows}` });
    },
    /several columns that may be the label: "class", "category".*--label-column/,
  ],
  'columns that say no label': [
    async () => {
      const { files, rows } = listed('', (name) => `${name}.png,x,y`);
      return put({ ...files, 'metadata.csv': `file_name,text,source\n${rows}` });
    },
    /lacks the column "label".*--label-column.*--format folder/,
  ],
};

describe('names of classes that look alike', () => {
  it.each([
    ['cat', 'Cat', true],
    ['cat', 'cat ', true],
    ['A', 'A ', true],
    ['red fox', 'red  fox', true],
    ['A', 'a', false],
    ['cat', 'cat1', false],
  ])('%j and %j', async (one, other, isSaid) => {
    const { warnings } = await run(await put(pictures(one, other, 'dog')));
    const said = warnings.filter((warning) => warning.includes(`"${one}", "${other}"`));
    const reversed = warnings.filter((warning) => warning.includes(`"${other}", "${one}"`));
    expect(said.length + reversed.length).toBe(isSaid ? 1 : 0);
  });
});

describe('is refused', () => {
  it.each(Object.entries(REFUSED))('%s', async (_, [make, words]) => {
    const error = await failureOf(await make());
    expect(error?.kind).toBe('user');
    expect(JSON.stringify([error.message, error.details]).replaceAll('\\"', '"')).toMatch(words);
  });

  it('an id that is in two folders, and only that', async () => {
    const { files, rows } = listed('one/', (name, label) => `${name},${label}`);
    const source = await put({ ...files, 'two/a.jpg': png, 'ids.csv': `id,label\n${rows}` });
    const { count, skipped } = await run(source);
    expect([count, skipped]).toEqual([
      5,
      [
        expect.objectContaining({
          path: 'a',
          message: expect.stringMatching(/Several files may be meant.*one\/a\.png, two\/a\.jpg/),
        }),
      ],
    ]);
  });
});

describe('an import that fails', () => {
  it('says the first samples of each reason, and how many there are', async () => {
    const source = await put({ 'cat/empty.png': '' });
    for (let i = 0; i < 8; i++) await writeFile(join(source, `cat/${i}.jpg`), `no picture ${i}`);
    await writeFile(join(source, 'cat/notes.txt'), 'x');
    const warnings: string[] = [];
    const reporter = {
      report: (event: { type: string; message?: string }) =>
        event.type === 'warning' && warnings.push(event.message!),
    } as Context['reporter'];
    const error = await run(source, {}, { reporter }).catch((thrown) => thrown);
    expect(error.toJSON()).toMatchObject({
      code: 'ROBLE_SOURCE_EMPTY',
      skippedByCode: { ROBLE_IMAGE_EMPTY: 1, ROBLE_IMAGE_UNREADABLE: 8 },
      problems: [
        { path: 'cat/0.jpg', code: 'ROBLE_IMAGE_UNREADABLE' },
        { path: 'cat/empty.png', code: 'ROBLE_IMAGE_EMPTY' },
        ...[1, 2, 3].map((i) => ({ path: `cat/${i}.jpg` })),
      ],
    });
    expect(warnings).toEqual([expect.stringContaining('1 .txt, such as cat/notes.txt')]);
  });
});

describe('the end of a tar archive', () => {
  const BLOCK = 512;
  const isCutOff = (warnings: readonly string[]) =>
    warnings.some((warning) => /\.tar(\.gz)? lacks the end mark .*cut off/.test(warning));

  it.each(['p.tar', 'p.tar.gz'])(
    '%s that was cut off between blocks is refused, or called so',
    async (name) => {
      const whole = await readFile(await tarOf(classFolders(), 'whole.tar'));
      let called = 0;
      for (let length = BLOCK; length < whole.length; length += BLOCK) {
        const part = whole.subarray(0, length);
        const file = await putFile(name, name.endsWith('gz') ? gzipSync(part) : part);
        const result = await run(file).catch((error: RobleError) => error);
        if (result instanceof RobleError) continue;
        const isWhole = !isCutOff(result.warnings);
        expect([length, isWhole]).toEqual([length, part.subarray(-BLOCK).every((byte) => byte === 0)]);
        if (isWhole) expect(result.count).toBe(6);
        else {
          called += 1;
          await expect(run(file, { strict: true })).rejects.toThrow(/cannot be unpacked/);
        }
      }
      expect(called).toBeGreaterThan(0);
    },
  );

  it('is found whatever is added before or behind it', async () => {
    const file = await tarOf(classFolders(), 'whole.tar');
    const { warnings } = await run(file);
    await writeFile(file, Buffer.concat([await readFile(file), Buffer.alloc(20 * BLOCK)]));
    const padded = await run(file);
    await replace({ file, cwd: await put({ 'cat/more.png': png }) }, ['cat/more.png']);
    const appended = await run(file);
    expect([padded.count, appended.count]).toEqual([6, 7]);
    expect([warnings, padded.warnings, appended.warnings].map(isCutOff)).toEqual([false, false, false]);
  });
});
