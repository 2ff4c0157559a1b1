/**
 * Whatever is in a source, `data:import` makes a data set of what can be used, or says what the user can do: no crash, no
 * hang, no error that would be a bug, and no memory that grows with a number in a header. ROBLE_TEST_FUZZ_RUNS sets how many
 * sources of each kind are tried, ROBLE_TEST_FUZZ_SEED which.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { create } from 'tar';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ERRORS, RobleError } from '../src/core/base/errors.js';
import { openDataset } from '../src/core/data/dataset/open.js';
import { exportDataset, importDataset, preprocessingSchema } from '../src/index.js';
import { changed, changesOf } from './support/mutated-files.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { encodeTiff } from './support/tiff.js';
import { Watchdog } from './support/watchdog.js';
import { zipOf } from './support/zip.js';

const RUNS = Number(process.env.ROBLE_TEST_FUZZ_RUNS ?? 25);
const SEED = Number(process.env.ROBLE_TEST_FUZZ_SEED ?? 1);
/** Only what hangs takes so long; a damaged Parquet file may take half a minute. */
const HANG_MS = 120_000;
const TIMEOUT_MS = 120_000 + 2000 * RUNS;
/** Far more than pictures of some pixels need, and far less than what a header may promise. */
const MAX_BYTES = 1.5e9;

const SIDE = 8;
const preprocessing = preprocessingSchema.parse({ width: SIDE, height: SIDE });

type Files = Map<string, Buffer>;
/** Valid sources, by the kind of their files. */
const sources = new Map<string, Files>();

let root: string;
let remove: () => Promise<void>;
let watchdog: Watchdog;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('fuzz'));
  watchdog = new Watchdog(join(root, 'source'), join(tmpdir(), `roble-fuzz-hang-${process.pid}`), HANG_MS);
  const pictures = await encodedPictures();
  sources.set('pictures', pictures);
  const rows = [...pictures.keys()].map(
    (name, i) => `${name},${name[0]},patient ${i},${i % 3 ? 'train' : 'val'}`,
  );
  sources.set(
    'csv',
    new Map([...pictures, ['labels.csv', Buffer.from(`image,label,group,split\n${rows.join('\n')}\n`)]]),
  );
  sources.set(
    'metadata',
    new Map([
      ...[...pictures].map(([name, bytes]) => [`train/${name}`, bytes] as const),
      [
        'train/metadata.jsonl',
        Buffer.from(
          listed(pictures)
            .map((line) => JSON.stringify(line))
            .join('\n'),
        ),
      ],
    ]),
  );
  await write('pictures', pictures);
  await importDataset({ sources: [join(root, 'pictures')], out: join(root, 'data'), preprocessing });
  for (const format of ['idx', 'parquet'] as const) {
    await exportDataset({ dataset: join(root, 'data'), format, out: join(root, format) });
    sources.set(format, await read(format));
  }
  sources.set('plain idx', new Map([...plainIdx(6)]));
  sources.set('strokes', new Map([['strokes.jsonl', drawings()]]));
  sources.set('packed strokes', new Map([['strokes.jsonl.gz', gzipSync(drawings())]]));
  sources.set(
    'zip',
    new Map([['pictures.zip', zipOf([...pictures].map(([name, content]) => ({ name, content })))]]),
  );
  for (const gzip of [false, true]) {
    const name = gzip ? 'pictures.tar.gz' : 'pictures.tar';
    await create({ file: join(root, name), cwd: join(root, 'pictures'), gzip }, ['A', 'B']);
    sources.set(gzip ? 'packed archive' : 'archive', new Map([[name, await readFile(join(root, name))]]));
  }
});
afterAll(async () => {
  await watchdog.close();
  await remove();
});

async function encodedPictures(): Promise<Files> {
  const values = Array.from({ length: SIDE * SIDE }, (_, i) => (i * 37) % 256);
  const picture = () => sharp(Uint8Array.from(values), { raw: { width: SIDE, height: SIDE, channels: 1 } });
  const tiff = (type: 'uint8' | 'uint16' | 'float') =>
    encodeTiff(
      { type, width: SIDE, height: SIDE },
      values.map((value) => (type === 'float' ? value / 255 : type === 'uint16' ? value * 257 : value)),
    );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><path d="M1 1L7 7" stroke="red"/></svg>`;
  return new Map([
    ['A/1.png', await picture().png().toBuffer()],
    ['A/2.jpg', await picture().jpeg().toBuffer()],
    ['A/3.tif', tiff('uint16')],
    ['A/4.gif', await picture().gif().toBuffer()],
    ['A/5.svg', Buffer.from(svg)],
    ['B/1.png', await picture().negate().png({ palette: true }).toBuffer()],
    ['B/2.webp', await picture().negate().webp().toBuffer()],
    ['B/3.tif', tiff('float')],
    ['B/4.tif', tiff('uint8')],
    ['B/5.avif', await picture().avif().toBuffer()],
  ]);
}

const listed = (pictures: Files) =>
  [...pictures.keys()].map((name, i) => ({ file_name: name, label: name[0], group: `patient ${i}` }));

function plainIdx(count: number): Files {
  const header = (...numbers: number[]) => {
    const bytes = Buffer.alloc(4 * numbers.length);
    for (const [i, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * i);
    return bytes;
  };
  const pixels = Buffer.from(Array.from({ length: count * SIDE * SIDE }, (_, i) => (i * 31) % 256));
  const labels = Buffer.from(Array.from({ length: count }, (_, i) => i % 2));
  return new Map([
    ['train-images-idx3-ubyte', Buffer.concat([header(0x803, count, SIDE, SIDE), pixels])],
    ['train-labels-idx1-ubyte', Buffer.concat([header(0x801, count), labels])],
  ]);
}

function drawings(): Buffer {
  const line = (i: number) => ({
    ...{ label: 'ab'[i % 2], writer: `w${i}`, unit: 20 },
    strokes: [
      [
        [i, 2],
        [10, 3 * i],
      ],
    ],
  });
  return Buffer.from(Array.from({ length: 8 }, (_, i) => JSON.stringify(line(i))).join('\n'));
}

async function write(folder: string, files: Files): Promise<void> {
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(root, folder, name)), { recursive: true });
    await writeFile(join(root, folder, name), bytes);
  }
}

async function read(folder: string): Promise<Files> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return new Map(
    await Promise.all(
      files.map(async (file) => [relative(join(root, folder), file), await readFile(file)] as const),
    ),
  );
}

it('takes every source as it is', async () => {
  for (const [kind, files] of sources) expect(await outcome(files), kind).toEqual([]);
});

/** What comes of a source: the codes of what was left out, or of the error. */
async function outcome(files: Files): Promise<string[]> {
  await write('source', files);
  const [only] = files.size === 1 ? [...files.keys()] : [''];
  const out = join(root, 'out');
  try {
    const source = join(root, 'source', only!);
    const { count, skipped } = await watchdog.over(() =>
      importDataset({ sources: [source], out, preprocessing }),
    );
    const dataset = await openDataset(out);
    let loaded = 0;
    for (const split of Object.keys(dataset.manifest.splits))
      loaded += (await dataset.load(split as 'train')).count;
    expect(loaded).toBe(count);
    return skipped.map(({ code }) => code);
  } catch (error) {
    if (error instanceof RobleError) return [error.code];
    throw error;
  } finally {
    await rm(join(root, 'source'), { recursive: true, force: true });
    await rm(out, { recursive: true, force: true });
  }
}

it.each([
  ...[
    'pictures',
    'csv',
    'metadata',
    'idx',
    'plain idx',
    'strokes',
    'packed strokes',
    'parquet',
    'zip',
    'archive',
    'packed archive',
  ],
])('a damaged source of %s', { timeout: TIMEOUT_MS }, (kind) => {
  const files = sources.get(kind)!;
  return fc.assert(
    fc.asyncProperty(changesOf([...files.keys()]), async (changes) => {
      for (const code of await outcome(changed(files, changes)))
        expect(ERRORS[code as keyof typeof ERRORS].kind, code).toBe('user');
      expect(process.memoryUsage.rss()).toBeLessThan(MAX_BYTES);
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
});
