import { type Context, refuseInterrupted, withStep } from '../../base/context.js';
import { createFolder } from '../../base/storage/durable.js';
import { formatCount } from '../../base/text/text.js';
import { SPLITS, type SplitName } from '../dataset/format.js';
import { type Dataset, openDataset, splitOf } from '../dataset/open.js';
import { type PackedSample, streamSplit } from '../dataset/stream.js';
import { writeIdx } from '../formats/idx.js';
import { writeImageFolder } from '../formats/image-folder.js';
import { writeParquet } from '../formats/parquet-writer.js';
import type { ExportSource } from '../formats/source.js';

/** The formats other than roble's own that can be written. */
export const EXPORT_FORMATS = ['folder', 'idx', 'parquet'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const WRITERS: Record<ExportFormat, (folder: string, source: ExportSource) => Promise<void>> = {
  folder: writeImageFolder,
  idx: writeIdx,
  parquet: writeParquet,
};

const DEFAULT_MAX_FILE_BYTES = 2 ** 29;

export interface ExportOptions {
  /** Folder of the data set. */
  readonly dataset: string;
  readonly format: ExportFormat;
  /** The folder to create. */
  readonly out: string;
  /** Default: all that the data set has. */
  readonly splits?: readonly SplitName[] | undefined;
  /** Largest Parquet file, in bytes of pixels before they are packed; default 512 MiB. */
  readonly maxFileBytes?: number | undefined;
}

export interface ExportResult {
  readonly out: string;
  readonly format: ExportFormat;
  readonly classes: number;
  readonly count: number;
  readonly splits: Partial<Record<SplitName, number>>;
  readonly warnings: readonly string[];
}

/**
 * Writes a data set in another format, all at once or not at all. The pixels are those that a model sees: importing the
 * result with the same width, height and channels gives the same pixels, classes and splits. Samples are written one by one,
 * so that memory does not grow with the data.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_DATASET_INVALID`, `ROBLE_DATASET_SPLIT`, `ROBLE_USAGE` for what the
 *   format cannot hold, `ROBLE_OUTPUT_EXISTS`, `ROBLE_DISK_FULL`, `ROBLE_INTERRUPTED`
 *
 * @example
 * await exportDataset({ dataset: 'data/letters', format: 'parquet', out: 'letters-parquet' });
 */
export async function exportDataset(options: ExportOptions, context: Context = {}): Promise<ExportResult> {
  const { format, out } = options;
  const dataset = await openDataset(options.dataset);
  const { manifest } = dataset;
  const splits = chosenSplits(dataset, options.splits);
  const counts = Object.fromEntries(splits.map((split) => [split, manifest.splits[split]!.count]));
  const count = splits.reduce((sum, split) => sum + manifest.splits[split]!.count, 0);
  const flow = new SampleFlow(count, context);
  await withStep(context, 'export', 'Exporting images', () =>
    createFolder(out, async (folder) =>
      WRITERS[format](folder, {
        manifest,
        splits,
        hasGroups: await hasGroups(dataset, splits),
        maxFileBytes: options.maxFileBytes ?? DEFAULT_MAX_FILE_BYTES,
        samples: (split) => flow.through(streamSplit(dataset, split)),
      }),
    ),
  );
  const warnings = flow.warnings();
  for (const message of warnings) context.reporter?.report({ type: 'warning', message });
  return { out, format, classes: manifest.classes.length, count, splits: counts, warnings };
}

function chosenSplits(dataset: Dataset, wanted: readonly SplitName[] | undefined): SplitName[] {
  for (const split of wanted ?? []) splitOf(dataset, split);
  return SPLITS.filter((split) => dataset.manifest.splits[split] && (wanted?.includes(split) ?? true));
}

async function hasGroups(dataset: Dataset, splits: readonly SplitName[]): Promise<boolean> {
  for (const split of splits)
    for await (const { group } of dataset.provenance(split)) if (group !== undefined) return true;
  return false;
}

/** Counts and reports the samples on their way out, and stops when asked to. */
class SampleFlow {
  readonly #total: number;
  readonly #context: Context;
  #done = 0;
  #copies = 0;

  constructor(total: number, context: Context) {
    this.#total = total;
    this.#context = context;
  }

  async *through(samples: AsyncIterable<PackedSample>): AsyncGenerator<PackedSample> {
    for await (const sample of samples) {
      refuseInterrupted(this.#context);
      yield sample;
      if (sample.provenance.copy) this.#copies += 1;
      this.#done += 1;
      if (this.#done % 1000 === 0 || this.#done === this.#total) this.#report();
    }
  }

  warnings(): string[] {
    if (this.#copies === 0) return [];
    return [
      `${formatCount(this.#copies)} of the samples are copies of others, which the format cannot express: do not divide them into splits again, or copies of one original end up in different splits`,
    ];
  }

  #report(): void {
    const [done, total] = [this.#done, this.#total];
    this.#context.reporter?.report({ type: 'progress', id: 'export', done, total, unit: 'images' });
  }
}
