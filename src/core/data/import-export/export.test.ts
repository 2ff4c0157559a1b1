import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { RobleError } from '../../base/errors.js';
import { normalName } from '../../base/text/names.js';
import { preprocessingSchema } from '../../image/settings.js';
import { SPLITS, type SplitName } from '../dataset/format.js';
import { openDataset } from '../dataset/open.js';
import { streamSplit } from '../dataset/stream.js';
import { type PreparedSample, writeDataset } from '../dataset/write.js';
import { type ExportFormat, type ExportOptions, exportDataset } from './export.js';
import { importDataset } from './import.js';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: folder, remove } = await temporaryFolder('export'));
});
afterEach(() => remove());

interface Drawn {
  readonly classes: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly splits: readonly SplitName[];
  readonly groups: boolean;
  readonly seed: number;
}

/** All classes whose names are hard to write, at once. */
const ODD_NAMES = ['a', 'A', '/', '.', '..', '\\', 'con', 'x\n', ' ', 'U+0041', 'train', '0', '10', '9', 'é'];

/** In the form that imports keep names in. */
const className = fc
  .oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), fc.constantFrom(...ODD_NAMES))
  .map(normalName);
const drawn: fc.Arbitrary<Drawn> = fc.record({
  classes: fc.uniqueArray(className, { minLength: 2, maxLength: 6 }),
  width: fc.integer({ min: 2, max: 9 }),
  height: fc.integer({ min: 2, max: 9 }),
  channels: fc.constantFrom(1, 3),
  splits: fc.constantFrom(['train'], ['train', 'validation'], ['train', 'test'], [...SPLITS]),
  groups: fc.boolean(),
  seed: fc.nat(1e6),
});

/** A data set of noise, with every class in every split. */
async function write(out: string, { classes, splits, groups, seed, ...shape }: Drawn): Promise<void> {
  const size = shape.width * shape.height * shape.channels;
  async function* samples(): AsyncGenerator<PreparedSample> {
    for (const [s, split] of splits.entries())
      for (let i = 0; i < 3 * classes.length; i++) {
        const key = seed + 1000 * s + i;
        yield {
          pixels: Uint8Array.from({ length: size }, (_, k) => Math.imul(key * 8191 + k, 2654435761) >>> 24),
          label: i % classes.length,
          source: `#${i}`,
          split,
          ...(groups && { group: `${split}-${i % 4}` }),
        };
      }
  }
  const preprocessing = preprocessingSchema.parse(shape);
  await writeDataset(
    { out, name: 'noise', preprocessing, classes, split: { seed }, recipe: () => ({}) },
    samples(),
  );
}

/** Classes, and each split's pixels, labels and groups, in the order of the samples or without it. */
async function contentOf(path: string, ordered: boolean, groups: boolean) {
  const dataset = await openDataset(path);
  const splits: Record<string, string[]> = {};
  for (const split of SPLITS) {
    const rows: string[] = [];
    for await (const { pixels, label, provenance } of streamSplit(dataset, split))
      rows.push(JSON.stringify([label, groups ? provenance.group : null, [...pixels]]));
    splits[split] = ordered ? rows : rows.sort();
  }
  return { classes: dataset.manifest.classes, splits };
}

const SMALL: Drawn = {
  classes: ['b', 'a'],
  width: 4,
  height: 3,
  channels: 1,
  splits: ['train', 'validation'],
  groups: false,
  seed: 1,
};
const exported = (options: Partial<ExportOptions> = {}) =>
  exportDataset({
    dataset: join(folder, 'data'),
    format: 'folder',
    out: join(folder, 'out'),
    ...options,
  });
const failure = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error) => error.code,
  );

describe('an exported data set', () => {
  it.each([
    ['folder', false],
    ['idx', true],
    ['parquet', true],
  ] as const)('comes back from %s with its pixels, labels, classes and splits', async (format, ordered) => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(drawn, async (shape) => {
        const [data, out, back] = ['data', 'out', 'back'].map((name) => join(folder, `${name}-${run}`));
        run += 1;
        await write(data!, shape);
        await exportDataset({ dataset: data!, format, out: out!, maxFileBytes: 700 });
        const { width, height, channels } = shape;
        const preprocessing = preprocessingSchema.parse({ width, height, channels });
        const result = await importDataset({ sources: [out!], out: back!, preprocessing });
        expect([result.skipped, result.warnings]).toEqual([[], []]);
        const groups = format === 'parquet';
        expect(await contentOf(back!, ordered, groups)).toEqual(await contentOf(data!, ordered, groups));
      }),
      { numRuns: 9, examples: [[{ ...SMALL, classes: ODD_NAMES }]] },
    );
  });

  it('is the same however often it is exported', async () => {
    await write(join(folder, 'data'), { ...SMALL, groups: true });
    for (const format of ['folder', 'idx', 'parquet'] as const) {
      const [one, two] = [join(folder, `${format}-1`), join(folder, `${format}-2`)];
      await exported({ format, out: one });
      await exported({ format, out: two });
      const names = (await readdir(one, { recursive: true })).sort();
      expect((await readdir(two, { recursive: true })).sort()).toEqual(names);
      for (const name of names)
        if ((await stat(join(one, name))).isFile())
          expect(await readFile(join(two, name))).toEqual(await readFile(join(one, name)));
    }
  });

  it('has the splits that were asked for, and refuses those that are not there', async () => {
    await write(join(folder, 'data'), SMALL);
    const { splits, count } = await exported({ splits: ['validation'] });
    expect([splits, count]).toEqual([{ validation: 6 }, 6]);
    expect((await readdir(join(folder, 'out'))).sort()).toEqual(['classes.txt', 'validation']);
    expect(await failure(exported({ out: join(folder, 'no'), splits: ['test'] }))).toBe(
      'ROBLE_DATASET_SPLIT',
    );
  });

  it('is PNG files of the shape and depth of the pixels', async () => {
    await write(join(folder, 'data'), { ...SMALL, classes: ['a', 'A'] });
    await exported();
    expect((await readdir(join(folder, 'out/train'))).sort()).toEqual(['U+0041', 'U+0061']);
    expect(await readdir(join(folder, 'out/train/U+0061'))).toEqual(['00000.png', '00002.png', '00004.png']);
    const metadata = await sharp(join(folder, 'out/train/U+0061/00002.png')).metadata();
    expect(metadata).toMatchObject({ width: 4, height: 3, channels: 1, depth: 'uchar', space: 'b-w' });
  });

  it('is several Parquet files when one would be too large, and says its types', async () => {
    const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
    await write(join(folder, 'data'), { ...SMALL, groups: true });
    // Two pictures of 4x3 pixels in a file.
    await exported({ format: 'parquet', maxFileBytes: 24 });
    expect(await readdir(join(folder, 'out/data'))).toEqual(
      ['train', 'validation'].flatMap((split) => [0, 1, 2].map((i) => `${split}-0000${i}-of-00003.parquet`)),
    );
    const file = await asyncBufferFromFile(join(folder, 'out/data/train-00001-of-00003.parquet'));
    const { key_value_metadata: pairs } = await parquetMetadataAsync(file);
    expect(JSON.parse(pairs!.find(({ key }) => key === 'huggingface')!.value!).info.features).toEqual({
      image: { _type: 'Image' },
      label: { names: ['b', 'a'], _type: 'ClassLabel' },
      group: { dtype: 'string', _type: 'Value' },
    });
    const rows = await parquetReadObjects({ file, utf8: false });
    expect(rows.map(({ image, label, group }) => [image.path, label, group])).toEqual([
      ['train-00002.png', 0n, 'train-2'],
      ['train-00003.png', 1n, 'train-3'],
    ]);
    expect(await readFile(join(folder, 'out/README.md'), 'utf8')).toContain('path: data/validation-*');
  });
});

describe('exporting', () => {
  it('refuses more classes than an IDX label can tell apart', async () => {
    const classes = Array.from({ length: 257 }, (_, i) => `c${i}`);
    await write(join(folder, 'data'), { ...SMALL, classes, splits: ['train'] });
    expect(await failure(exported({ format: 'idx' }))).toBe('ROBLE_USAGE');
  });

  it.each(['folder', 'idx', 'parquet'] as ExportFormat[])(
    'leaves nothing of %s when a file was changed, or when it is interrupted',
    async (format) => {
      await write(join(folder, 'data'), SMALL);
      const stop = new AbortController();
      const options = { dataset: join(folder, 'data'), format, out: join(folder, 'out') };
      const reporter = { report: () => stop.abort(new RobleError('ROBLE_INTERRUPTED', 'Stop.')) };
      expect(await failure(exportDataset(options, { signal: stop.signal, reporter }))).toBe(
        'ROBLE_INTERRUPTED',
      );
      const pixels = join(folder, 'data/validation-00000.images');
      const bytes = await readFile(pixels);
      bytes[bytes.length - 1]! ^= 1;
      await writeFile(pixels, bytes);
      expect(await failure(exported({ format }))).toBe('ROBLE_DATASET_INVALID');
      await appendFile(pixels, 'x');
      expect(await failure(exported({ format }))).toBe('ROBLE_DATASET_INVALID');
      expect(await readdir(folder)).toEqual(['data']);
    },
  );

  it('does not write over anything', async () => {
    await write(join(folder, 'data'), SMALL);
    await exported();
    expect(await failure(exported())).toBe('ROBLE_OUTPUT_EXISTS');
  });
});
