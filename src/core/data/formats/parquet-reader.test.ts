import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { type ColumnSource, ParquetWriter, parquetWriteBuffer, type SchemaElement } from 'hyparquet-writer';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { preprocessingSchema } from '../../image/settings.js';
import { openDataset } from '../dataset/open.js';
import { type ImportOptions, importDataset } from '../import-export/import.js';

const preprocessing = preprocessingSchema.parse({ width: 4, height: 4 });
const IMAGE_LABEL: SchemaElement[] = [
  { name: 'root', num_children: 2 },
  { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
  { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
  { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
  { name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' },
];
const classLabel = (names: string[], column = 'label') => [
  {
    key: 'huggingface',
    value: JSON.stringify({ info: { features: { [column]: { names, _type: 'ClassLabel' } } } }),
  },
];

/** A frame of Zstandard (RFC 8878) with one block that is stored as it is. */
function zstdFrame(input: Uint8Array): Uint8Array {
  const header = Buffer.from('28b52ffda000000000000000', 'hex');
  header.writeUInt32LE(input.length, 5);
  header.writeUIntLE((input.length << 3) | 1, 9, 3);
  return Buffer.concat([header, input]);
}

let folder: string;
let remove: () => Promise<void>;
let pictures: Buffer[];
beforeEach(async () => {
  ({ path: folder, remove } = await temporaryFolder('parquet'));
  pictures = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      sharp(new Uint8Array(16).fill(10 * i + 5), { raw: { width: 4, height: 4, channels: 1 } })
        .png()
        .toBuffer(),
    ),
  );
});
afterEach(() => remove());

async function put(name: string, options: Parameters<typeof parquetWriteBuffer>[0]): Promise<void> {
  await mkdir(dirname(join(folder, 'in', name)), { recursive: true });
  await writeFile(join(folder, 'in', name), Buffer.from(parquetWriteBuffer(options)));
}
/** The usual file: eight pictures of two classes. */
const putUsual = (name: string, options: Partial<Parameters<typeof parquetWriteBuffer>[0]> = {}) =>
  put(name, {
    columnData: [
      { name: 'image', data: pictures.map((bytes, i) => ({ bytes, path: `${i}.png` })) },
      { name: 'label', data: pictures.map((_, i) => BigInt(i % 2)) },
    ],
    schema: IMAGE_LABEL,
    kvMetadata: classLabel(['zebra', 'ant']),
    ...options,
  });
const run = (options: Partial<ImportOptions> = {}) =>
  importDataset({ sources: [join(folder, 'in')], out: join(folder, 'out'), preprocessing, ...options });
const failureOf = (options: Partial<ImportOptions> = {}) =>
  run(options).then(
    () => undefined,
    (error) => error,
  );
/** Class, brightness and source of every training sample. */
async function samplesIn(out: string) {
  const dataset = await openDataset(out);
  const { images, labels } = await dataset.load('train');
  const sources: string[] = [];
  for await (const { source } of dataset.provenance('train')) sources.push(source);
  return sources.map((source, i) => [dataset.manifest.classes[labels[i]!], images[16 * i], source]);
}

describe('Parquet', () => {
  it('gives classes by the names and the order in the metadata, splits by the names of files', async () => {
    await putUsual('data/train-00000-of-00001.parquet', { rowGroupSize: 3 });
    await putUsual('data/validation-00000-of-00001.parquet');
    await writeFile(join(folder, 'in/README.md'), 'A data card.');
    const result = await run();
    expect(result).toMatchObject({ classes: ['zebra', 'ant'], splits: { train: 8, validation: 8 } });
    expect(await samplesIn(result.out)).toEqual(
      pictures.map((_, i) => [['zebra', 'ant'][i % 2], 10 * i + 5, `train-00000-of-00001.parquet#${i}`]),
    );
  });

  it.each([
    ['SNAPPY', undefined],
    ['GZIP', (input: Uint8Array) => gzipSync(input)],
    ['BROTLI', (input: Uint8Array) => brotliCompressSync(input)],
    ['ZSTD', zstdFrame],
  ] as const)('is read when it is packed by %s', async (codec, compress) => {
    await putUsual('train/0000.parquet', {
      codec,
      ...(compress && { compressors: { [codec]: compress } }),
    });
    expect((await run()).splits).toEqual({ train: 8 });
  });

  it('reads plain binary, labels that are text, and a column of groups', async () => {
    await put('x.parquet', {
      columnData: [
        { name: 'picture', data: pictures, type: 'BYTE_ARRAY' },
        { name: 'note', data: pictures.map((_, i) => i / 2), type: 'DOUBLE' },
        { name: 'name', data: pictures.map((_, i) => 'ab'[i % 2]!), type: 'STRING' },
        { name: 'writer', data: pictures.map((_, i) => i >> 1), type: 'INT32' },
      ],
    });
    const error = await failureOf();
    expect([error.code, error.details.nextSteps]).toEqual([
      'ROBLE_PARQUET_INVALID',
      ['Name the column with --label-column.'],
    ]);
    expect(error.details.received).toBe('picture (byte_array), note (double), name (utf8), writer (int32)');
    const result = await run({ labelColumn: 'name', groupBy: 'writer' });
    expect(result.classes).toEqual(['a', 'b']);
    const groups: (string | undefined)[] = [];
    for await (const { group } of (await openDataset(result.out)).provenance('train')) groups.push(group);
    // Two samples of a writer, always together.
    expect(groups.map((group) => groups.filter((other) => other === group).length)).toEqual(
      groups.map(() => 2),
    );
  });

  it.each([
    ['an image column that is none', { imageColumn: 'label' }, '--image-column'],
    ['a label column that is none', { labelColumn: 'image' }, '--label-column'],
    ['a group column that is none', { groupBy: 'writer' }, '--group-by'],
  ])('refuses %s, and names the columns and the flag', async (_what, options, flag) => {
    await putUsual('x.parquet');
    const error = await failureOf(options);
    expect(error.code).toBe('ROBLE_PARQUET_INVALID');
    expect(error.details.received).toBe('image (struct of bytes, path), label (int64)');
    expect(error.details.nextSteps).toEqual([`Name the column with ${flag}.`]);
  });

  it('refuses a file without images', async () => {
    await put('x.parquet', { columnData: [{ name: 'label', data: ['a', 'b'], type: 'STRING' }] });
    const error = await failureOf();
    expect(error.message).toContain('has no column of images');
  });

  it('leaves rows out that have no picture, no label, or a label without a name', async () => {
    const rows = pictures.map((bytes, i) => ({ bytes, path: `${i}.png` }));
    await putUsual('x.parquet', {
      columnData: [
        {
          name: 'image',
          data: [
            ...rows,
            null,
            { bytes: null, path: 'elsewhere.png' },
            rows[0],
            rows[0],
            { bytes: Buffer.from('no'), path: '' },
          ],
        },
        { name: 'label', data: [...rows.map((_, i) => BigInt(i % 2)), 0n, 0n, -1n, null, 1n] },
      ] as ColumnSource[],
    });
    const { count, skipped } = await run();
    expect(count).toBe(8);
    expect(skipped.map(({ path, code }) => [path, code])).toEqual([
      ...[8, 9, 10, 11].map((row) => [`x.parquet#${row}`, 'ROBLE_PARQUET_INVALID']),
      ['x.parquet#12', 'ROBLE_IMAGE_UNREADABLE'],
    ]);
    expect((await failureOf({ out: join(folder, 'strict'), strict: true })).code).toBe(
      'ROBLE_PARQUET_INVALID',
    );
  });

  it('takes labels as indices when asked, whatever their names', async () => {
    await putUsual('x.parquet');
    expect((await run({ labels: 'index', classes: ['x', 'y'] })).classes).toEqual(['x', 'y']);
  });

  it('takes the order of the classes from the caller before that in the file', async () => {
    await putUsual('x.parquet');
    expect((await run({ classes: ['ant', 'zebra'] })).classes).toEqual(['ant', 'zebra']);
  });

  it('leaves a listed name without a sample out, and says so', async () => {
    await putUsual('x.parquet', { kvMetadata: classLabel(['zebra', 'ant', 'yak']) });
    const { classes, warnings } = await run();
    expect(classes).toEqual(['zebra', 'ant']);
    expect(warnings).toEqual(['listed classes without a sample are left out: "yak"']);
  });

  it('refuses a folder that holds variants of the data', async () => {
    await putUsual('small/train-0.parquet');
    await putUsual('large/train-0.parquet');
    const error = await failureOf();
    expect([error.code, error.details.received.length]).toEqual(['ROBLE_SOURCE_UNKNOWN', 2]);
  });

  it('refuses a file that was cut off, anywhere, or that is damaged, and leaves nothing', async () => {
    await putUsual('x.parquet');
    const path = join(folder, 'in/x.parquet');
    const whole = await readFile(path);
    for (const length of [0, 3, 7, 20, whole.length >> 1, whole.length - 5, whole.length - 1]) {
      await writeFile(path, whole);
      await truncate(path, length);
      expect([length, (await failureOf())?.code]).toEqual([length, 'ROBLE_PARQUET_INVALID']);
    }
    // A page header and a footer of nonsense.
    for (const at of [5, whole.length - 60]) {
      const bytes = Buffer.from(whole);
      bytes.fill(0xff, at, at + 30);
      await writeFile(path, bytes);
      expect([at, (await failureOf())?.code]).toEqual([at, 'ROBLE_PARQUET_INVALID']);
    }
    expect(await readdir(folder)).toEqual(['in']);
  });

  /** A file in a page of which a run of values is a billion long, instead of one for each row. */
  async function putEndless(name: string): Promise<void> {
    await putUsual(name, { codec: 'UNCOMPRESSED' });
    const path = join(folder, 'in', name);
    const bytes = await readFile(path);
    const run = Buffer.from([pictures.length << 1, 2, pictures[0]!.length, 0, 0, 0]);
    expect(bytes.includes(run)).toBe(true);
    Buffer.from('feffffff07', 'hex').copy(bytes, bytes.indexOf(run));
    await writeFile(path, bytes);
  }

  it('refuses a file of which the decoder would take all memory', async () => {
    await putEndless('x.parquet');
    const error = await failureOf();
    expect([error?.code, error?.message]).toEqual([
      'ROBLE_PARQUET_INVALID',
      `${join(folder, 'in/x.parquet')} cannot be decoded.`,
    ]);
    expect(error.details.received).toContain('what ended the decoder');
    expect(error.details.nextSteps[0]).toBe('Copy or download the file again.');
    expect(await readdir(folder)).toEqual(['in']);
  });

  it('can be interrupted while the decoder is busy', async () => {
    await putEndless('x.parquet');
    const reason = new Error('enough');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 500);
    const options = { sources: [join(folder, 'in')], out: join(folder, 'out'), preprocessing };
    const thrown = await importDataset(options, { signal: controller.signal }).catch((error) => error);
    expect([thrown, thrown?.cause]).toContain(reason);
    expect(await readdir(folder)).toEqual(['in']);
  });

  it('refuses a row group that says it is too large to be in memory', async () => {
    await putUsual('x.parquet');
    const { ByteWriter } = await import('hyparquet-writer');
    const writer = new ByteWriter();
    const parquet = new ParquetWriter({ writer, schema: IMAGE_LABEL });
    parquet.write({
      columnData: [
        { name: 'image', data: pictures.map((bytes) => ({ bytes, path: '' })) },
        { name: 'label', data: pictures.map((_, i) => BigInt(i % 2)) },
      ],
    });
    parquet.row_groups[0]!.columns[0]!.meta_data!.total_uncompressed_size = 2n ** 40n;
    parquet.finish();
    await writeFile(join(folder, 'in/x.parquet'), Buffer.from(writer.getBuffer()));
    expect((await failureOf())?.message).toContain('does not fit into the memory');
  });
});
