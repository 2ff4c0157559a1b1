import { mkdir, open, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { SchemaElement } from 'hyparquet';
import { mapOrdered } from '../../base/map-ordered.js';
import { formatCount } from '../../base/text/text.js';
import { encodePng } from '../../image/png.js';
import type { SplitName } from '../dataset/format.js';
import type { PackedSample } from '../dataset/stream.js';
import { type ExportSource, paddedNumber } from './source.js';

/** Rows of a group: they are written at once, and most readers read them at once. */
const GROUP_ROWS = 1000;
const GROUP_BYTES = 2 ** 25;

/**
 * Writes a data set as Hugging Face keeps one: `data/train-00000-of-00001.parquet` with the columns `image` (a struct of
 * the PNG's `bytes` and `path`), `label` (an index; the names are in the metadata) and, if samples have one,
 * `group`, beside a data card `README.md`.
 */
export async function writeParquet(folder: string, source: ExportSource): Promise<void> {
  await mkdir(join(folder, 'data'));
  for (const split of source.splits) await writeSplit(join(folder, 'data'), split, source);
  await writeFile(join(folder, 'README.md'), await dataCard(source));
}

async function writeSplit(folder: string, split: SplitName, source: ExportSource): Promise<void> {
  const { preprocessing, splits } = source.manifest;
  const pixels = preprocessing.width * preprocessing.height * preprocessing.channels;
  const { count } = splits[split]!;
  const rowsOfFile = Math.max(1, Math.floor(source.maxFileBytes / pixels));
  const rowsOfGroup = Math.max(1, Math.min(GROUP_ROWS, rowsOfFile, Math.floor(GROUP_BYTES / pixels)));
  const files = Math.ceil(count / rowsOfFile);
  const rows = encodedRows(split, source);
  try {
    for (let i = 0; i < files; i++) {
      const name = `${split}-${paddedNumber(i, files)}-of-${paddedNumber(files, files)}.parquet`;
      const left = Math.min(rowsOfFile, count - i * rowsOfFile);
      await writeFileOf(join(folder, name), rows, left, rowsOfGroup, source);
    }
    // The end of the stream is where its last part is checked.
    await rows.next();
  } finally {
    await rows.return(undefined);
  }
}

interface Row {
  readonly image: { readonly bytes: Uint8Array; readonly path: string };
  readonly label: bigint;
  readonly group: string | null;
}

function encodedRows(split: SplitName, { manifest, samples }: ExportSource): AsyncGenerator<Row> {
  const { count } = manifest.splits[split]!;
  let number = 0;
  const encode = async ({ pixels, label, provenance }: PackedSample): Promise<Row> => {
    const path = `${split}-${paddedNumber(number++, count)}.png`;
    const bytes = await encodePng(pixels, manifest.preprocessing);
    return { image: { bytes, path }, label: BigInt(label), group: provenance.group ?? null };
  };
  return mapOrdered(samples(split), 2 * availableParallelism(), encode);
}

async function writeFileOf(
  path: string,
  rows: AsyncGenerator<Row>,
  count: number,
  rowsOfGroup: number,
  source: ExportSource,
): Promise<void> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const handle = await open(path, 'wx');
  try {
    const bytes = new ByteWriter();
    const flush = async () => {
      await handle.writeFile(bytes.getBytes());
      bytes.index = 0;
    };
    const parquet = new ParquetWriter({
      writer: Object.assign(bytes, { flush }),
      schema: schemaOf(source),
      createdBy: 'roble',
      kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info: { features: featuresOf(source) } }) }],
    });
    for (let left = count; left > 0; left -= rowsOfGroup)
      await parquet.write({
        columnData: columnsOf(await take(rows, Math.min(left, rowsOfGroup)), source),
        rowGroupSize: rowsOfGroup,
      });
    await parquet.finish();
    await flush();
  } finally {
    await handle.close();
  }
}

async function take(rows: AsyncGenerator<Row>, count: number): Promise<Row[]> {
  const taken: Row[] = [];
  while (taken.length < count) {
    const { value, done } = await rows.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

function columnsOf(rows: readonly Row[], { hasGroups }: ExportSource) {
  return [
    // PNGs are compressed and all different: a codec, a dictionary or bounds would be of no use.
    {
      name: 'image',
      data: rows.map(({ image }) => image),
      encoding: 'PLAIN' as const,
      codec: 'UNCOMPRESSED' as const,
      statistics: false,
    },
    { name: 'label', data: rows.map(({ label }) => label) },
    ...(hasGroups ? [{ name: 'group', data: rows.map(({ group }) => group) }] : []),
  ];
}

function schemaOf({ hasGroups }: ExportSource): SchemaElement[] {
  const text = {
    type: 'BYTE_ARRAY',
    converted_type: 'UTF8',
    logical_type: { type: 'STRING' },
    repetition_type: 'OPTIONAL',
  } as const;
  return [
    { name: 'schema', num_children: hasGroups ? 3 : 2 },
    { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
    { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
    { name: 'path', ...text },
    { name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' },
    ...(hasGroups ? [{ name: 'group', ...text }] : []),
  ];
}

/** Types of columns that Parquet does not have, as the library `datasets` stores them. */
function featuresOf({ manifest, hasGroups }: ExportSource): Record<string, unknown> {
  return {
    image: { _type: 'Image' },
    label: { names: manifest.classes, _type: 'ClassLabel' },
    ...(hasGroups && { group: { dtype: 'string', _type: 'Value' } }),
  };
}

/** The README of a data set on Hugging Face: its columns and splits as YAML, then a few words for people. */
async function dataCard(source: ExportSource): Promise<string> {
  const { stringify } = await import('yaml');
  const { name, classes, preprocessing, splits } = source.manifest;
  const { width, height, channels } = preprocessing;
  const counts = source.splits.map((split) => `${formatCount(splits[split]!.count)} in ${split}`);
  return `---
${stringify(frontMatter(source)).trimEnd()}
---

# ${name}

Images of ${classes.length} classes, ${width}x${height} pixels, ${channels === 1 ? 'grey' : 'colour'}: ${counts.join(', ')}. Exported by roble.
`;
}

function frontMatter({ manifest, splits, hasGroups }: ExportSource): Record<string, unknown> {
  return {
    task_categories: ['image-classification'],
    dataset_info: {
      features: [
        { name: 'image', dtype: 'image' },
        { name: 'label', dtype: { class_label: { names: Object.fromEntries(manifest.classes.entries()) } } },
        ...(hasGroups ? [{ name: 'group', dtype: 'string' }] : []),
      ],
      splits: splits.map((split) => ({ name: split, num_examples: manifest.splits[split]!.count })),
    },
    configs: [
      {
        config_name: 'default',
        data_files: splits.map((split) => ({ split, path: `data/${split}-*` })),
      },
    ],
  };
}
