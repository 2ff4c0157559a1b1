import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { optional } from '../../base/collections.js';
import { type Context, withStep } from '../../base/context.js';
import { type ErrorCode, RobleError } from '../../base/errors.js';
import { checkEncoding } from '../../base/storage/text-file.js';
import { robleVersion } from '../../base/version.js';
import type { CommonLook } from '../../image/look.js';
import { DEFAULT_MAX_PIXELS } from '../../image/preprocess.js';
import type { Preprocessing } from '../../image/settings.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { checkClasses } from '../dataset/class-names.js';
import { type DatasetManifest, type SplitName, splitCounts } from '../dataset/format.js';
import type { SplitOptions } from '../dataset/splits.js';
import { labelError, type PreparedSample, writeDataset } from '../dataset/write.js';
import {
  type BadSample,
  readerOptions,
  type SourceItem,
  type SourceOptions,
  type SourceSample,
  withNormalNames,
} from '../formats/source.js';
import { convertSamples } from './convert-samples.js';
import { ImportReport, type SkippedSample } from './import-report.js';
import { ImportWork } from './import-work.js';
import { readSource } from './read-source.js';

/** A file, folder or archive, and the split of all its samples when the caller knows it. */
export interface ImportSource {
  readonly path: string;
  readonly split?: SplitName;
}

/** Samples that come from elsewhere, such as the predictions in the log of a server. */
export interface SampleReader {
  /** For messages and the recipe. */
  readonly name: string;
  /** What the recipe says about it besides its name. */
  readonly recipe?: Readonly<Record<string, unknown>>;
  read(): AsyncIterable<SourceItem>;
}

export interface ImportOptions extends SourceOptions {
  /** Files, folders, tar and zip archives, and readers; their samples are joined. */
  readonly sources: readonly (string | ImportSource | SampleReader)[];
  /** The folder to create. */
  readonly out: string;
  /** Default: the last part of `out`. */
  readonly name?: string | undefined;
  /** A format in the box, the reader of a plugin, or `auto` (the default). */
  readonly format?: string | undefined;
  readonly preprocessing: Preprocessing;
  /** Default: the classes are what the labels say, sorted. */
  readonly classes?: readonly string[] | undefined;
  readonly split?: Omit<SplitOptions, 'seed'> | undefined;
  /** Field that holds the group: a column (default `group`), a stroke property (default `writer`), `none`. */
  readonly groupBy?: string | undefined;
  /** Default 0. */
  readonly seed?: number | undefined;
  /** The first sample that cannot be used ends the import; default: it is left out and reported. */
  readonly strict?: boolean | undefined;
  /** Threads that read and decode pictures; they do not change the result. Default: the cores. */
  readonly workers?: number | undefined;
}

export interface ImportResult {
  readonly out: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly classes: readonly string[];
  /** Samples that are in the data set. */
  readonly count: number;
  readonly splits: Partial<Record<SplitName, number>>;
  readonly skipped: readonly SkippedSample[];
  readonly skippedByCode: Partial<Record<ErrorCode, number>>;
  /** How many pictures each kind of conversion happened to, such as 16 bits to 8. */
  readonly notices: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** Pictures that were not decoded again, for an earlier try that did not end had done so. */
  readonly resumed: number;
  /** What the encoded pictures looked like before they were converted; only where there were any. */
  readonly originals?: CommonLook;
}

/**
 * Imports images or strokes into a new data set: every picture goes through the preprocessing, samples get their
 * splits, and the folder appears all at once. Equal input gives equal bytes, however many threads there are. What is decoded
 * survives a kill, an interruption and an error, and the same import goes on with it.
 *
 * @throws {RobleError} with `strict` the error of the first bad sample; `ROBLE_IDX_...` for an inconsistent IDX file;
 *   `ROBLE_SOURCE_UNKNOWN`, `ROBLE_SOURCE_EMPTY`, `ROBLE_FOLDER_LOCKED` while another import to the same output is under way,
 *   and the errors of `writeDataset`.
 *
 * @example
 * const result = await importDataset({ sources: ['photos'], out: 'data/letters', preprocessing: preprocessingSchema.parse({}) });
 */
export async function importDataset(
  given: ImportOptions,
  context: Context & { readonly registry?: PluginRegistry } = {},
): Promise<ImportResult> {
  const options = { ...given, classes: given.classes && checkClasses(given.classes) };
  if (options.sources.length === 0)
    throw new RobleError('ROBLE_USAGE', 'There is nothing to import.', {
      expected: 'at least one file, folder or archive',
    });
  if (options.encoding !== undefined) checkEncoding(options.encoding);
  if (options.labels === 'index' && options.classes === undefined)
    throw new RobleError('ROBLE_USAGE', 'Labels that are indices need the list of classes.', {
      expected: 'classes (--classes)',
    });
  const readers: string[] = [];
  const sources = readersOf(options, context, (name) => readers.push(name));
  const report = new ImportReport(options.strict ?? false, context);
  const work = await ImportWork.open(options.out, pixelSettings(options), context);
  const { manifest, warnings } = await withStep(context, 'import', 'Importing images', () =>
    writeDataset(
      {
        out: options.out,
        name: options.name ?? basename(options.out),
        preprocessing: options.preprocessing,
        classes: options.classes,
        classOrder: () => report.classes,
        split: {
          ...options.split,
          seed: options.seed ?? 0,
          keepRepeatedTogether: options.groupBy !== 'none',
        },
        recipe: () => ({
          ...recipeOf(options, sources, report),
          ...context.registry?.recordOf(readers.map((name) => ({ kind: 'reader', name }))),
        }),
        workPlace: work,
      },
      prepareSamples(sources, options, { report, work }),
      context,
    ).catch(async (thrown) => {
      const isKept = await work.stop();
      report.publish(report.warnings());
      throw report.explain(thrown, isKept ? work.folder : undefined);
    }),
  );
  await work.finish();
  const all = [...report.warnings(manifest.classes), ...warnings];
  report.publish(all);
  report.publishSkipped();
  return {
    ...summarize(options, manifest),
    ...report.counts,
    warnings: all,
    ...optional('originals', report.originals.common),
  };
}

function readersOf(
  options: ImportOptions,
  { signal, registry, reporter }: Context & { readonly registry?: PluginRegistry },
  onReader: (name: string) => void,
): SampleReader[] {
  const warn = (message: string) => reporter?.report({ type: 'warning', message });
  return options.sources.map((source) => {
    if (typeof source === 'object' && 'read' in source)
      return { ...source, read: () => withNormalNames(source.read()) };
    const { path, split }: ImportSource = typeof source === 'string' ? { path: source } : source;
    const reading = { ...readerOptions(options), split, groupBy: options.groupBy, signal };
    return {
      name: path,
      recipe: optional('split', split),
      read: () => readSource(path, options.format ?? 'auto', reading, { registry, onReader, warn }),
    };
  });
}

function summarize({ out }: ImportOptions, manifest: DatasetManifest) {
  const { name, fingerprint, classes } = manifest;
  const splits = splitCounts(manifest);
  const count = Object.values(splits).reduce((a, b) => a + b, 0);
  return { out, name, fingerprint, classes, count, splits };
}

/** The options, without paths of the machine. JSON leaves out those that are undefined. */
function recipeOf(
  options: ImportOptions,
  readers: readonly SampleReader[],
  report: ImportReport,
): Record<string, unknown> {
  const { format = 'auto', labels, split, groupBy, seed = 0, maxPixels = DEFAULT_MAX_PIXELS } = options;
  const { imageColumn, labelColumn, encoding, delimiter, topFolders, transpose } = options;
  const sources = readers.map(({ name, recipe }) => ({ path: basename(name), ...recipe }));
  const { skippedByCode, notices } = report.counts;
  return {
    command: 'data:import',
    sources,
    format,
    labels,
    split,
    groupBy,
    imageColumn,
    labelColumn,
    encoding,
    delimiter,
    topFolders,
    transpose,
    seed,
    maxPixels,
    skipped: skippedByCode,
    notices,
  };
}

/** All that the pixels of an encoded picture depend on. */
function pixelSettings({ preprocessing, maxPixels = DEFAULT_MAX_PIXELS, transpose = false }: ImportOptions) {
  return { roble: robleVersion(), preprocessing, maxPixels, transpose };
}

/** The samples of all sources as pixels, in their order. */
async function* prepareSamples(
  sources: readonly SampleReader[],
  options: ImportOptions,
  { report, work }: { readonly report: ImportReport; readonly work: ImportWork },
): AsyncGenerator<PreparedSample> {
  const { preprocessing, maxPixels, limitName, transpose } = options;
  const known = options.classes && new Set(options.classes);
  for await (const outcome of convertSamples(readAll(sources, report), {
    preprocessing,
    maxPixels,
    limitName,
    transpose,
    workers: options.workers ?? availableParallelism(),
    work,
    isLookedAt: () => report.originals.isNextWanted(),
    check: (sample) => checkLabel(sample, options, known),
  })) {
    if ('error' in outcome) report.skip(outcome.source, outcome.error);
    else {
      report.addSample(outcome);
      const { sample, earlier, made } = outcome;
      yield { ...sample, kept: earlier ?? (await work.keep(sample.pixels, made)) };
    }
  }
}

async function* readAll(
  sources: readonly SampleReader[],
  report: ImportReport,
): AsyncGenerator<SourceSample | BadSample> {
  for (const source of sources) {
    let found = false;
    for await (const item of source.read()) {
      if ('warning' in item || 'classes' in item) report.addRemark(item);
      else {
        found = true;
        yield item;
      }
    }
    if (!found)
      throw new RobleError('ROBLE_SOURCE_EMPTY', `${source.name} holds no sample.`, {
        nextSteps: ['Check the path, and that pictures lie in a folder for each class.'],
      });
  }
}

function checkLabel(
  { source, label }: SourceSample,
  { classes }: ImportOptions,
  known: ReadonlySet<string> | undefined,
): void {
  if (!classes) return;
  const fits =
    typeof label === 'string'
      ? known!.has(label)
      : Number.isInteger(label) && label >= 0 && label < classes.length;
  if (!fits) throw labelError(source, label, classes);
}
