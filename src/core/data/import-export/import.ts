import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { type Context, withStep } from '../../base/context.js';
import { type ErrorCode, RobleError } from '../../base/errors.js';
import { mapOrdered } from '../../base/map-ordered.js';
import { alikeNames } from '../../base/names.js';
import { checkEncoding } from '../../base/storage/text-file.js';
import { countOf, examples } from '../../base/text.js';
import {
  DEFAULT_MAX_PIXELS,
  type PreparedImage,
  prepareImage,
  preprocessPixels,
} from '../../image/preprocess.js';
import type { PixelShape, Preprocessing } from '../../image/settings.js';
import { pictureOfDrawing } from '../../image/strokes/drawing.js';
import type { Stroke } from '../../image/strokes/rasterize.js';
import { type CommonLook, commonLook, type Look, lookAt } from '../../image/suggest-shape.js';
import { describeDatabase } from '../../serving/predictions/database.js';
import { readFeedback } from '../../serving/predictions/import-feedback.js';
import { checkClasses } from '../dataset/class-names.js';
import { type DatasetManifest, optional, type SplitName, splitCounts } from '../dataset/format.js';
import type { SplitOptions } from '../dataset/splits.js';
import { labelError, type PreparedSample, writeDataset } from '../dataset/write.js';
import {
  type BadSample,
  countByCode,
  type Picture,
  readerOptions,
  reasonOf,
  type SourceOptions,
  type SourceRemark,
  type SourceSample,
  withNormalNames,
} from '../formats/source.js';
import { readSource, type SourceFormat } from './detect.js';
import { FlatPictures } from './flat-pictures.js';

/** A source, and the split of all its samples when the caller knows it. */
export interface ImportSource {
  readonly path: string;
  readonly split?: SplitName;
  /** Whether it is the log of a server, whose predictions with feedback are wanted; then `path` may be a `postgres://` URL. */
  readonly isFeedback?: boolean;
}

export interface ImportOptions extends SourceOptions {
  /** Files, folders, tar and zip archives; they are joined. */
  readonly sources: readonly (string | ImportSource)[];
  /** The folder to create. */
  readonly out: string;
  /** Default: the last part of `out`. */
  readonly name?: string | undefined;
  readonly format?: SourceFormat | 'auto' | undefined;
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
  /** Pictures that are converted at a time; does not change the result. Default: twice the cores. */
  readonly concurrency?: number | undefined;
}

/** A sample that was left out, and why. */
export interface SkippedSample {
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
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
  /** What the encoded pictures looked like before they were converted; only where there were any. */
  readonly originals?: CommonLook;
}

/**
 * Imports images or strokes into a new data set: every picture goes through the preprocessing, samples get their
 * splits, and the folder appears all at once. Equal input gives equal bytes, however many pictures are converted at a
 * time.
 *
 * @throws {RobleError} with `strict` the error of the first bad sample; `ROBLE_IDX_...` for an inconsistent IDX file;
 *   `ROBLE_SOURCE_UNKNOWN`, `ROBLE_SOURCE_EMPTY`, and the errors of `writeDataset`.
 *
 * @example
 * const result = await importDataset({ sources: ['photos'], out: 'data/letters', preprocessing: preprocessingSchema.parse({}) });
 */
export async function importDataset(given: ImportOptions, context: Context = {}): Promise<ImportResult> {
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
  const report = new Report(options.strict ?? false, context);
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
        recipe: () => recipeOf(options, report),
      },
      prepareSamples(options, report, context),
      context,
    ).catch((thrown) => {
      report.tell(report.remarks());
      throw report.explain(thrown);
    }),
  );
  const all = [...report.remarks(manifest.classes), ...report.flat.warnings, ...warnings];
  report.tell(all);
  report.tellSkipped();
  return {
    ...summarize(options, manifest),
    ...report.toJSON(),
    warnings: all,
    ...optional('originals', report.looks.common),
  };
}

function summarize({ out }: ImportOptions, manifest: DatasetManifest) {
  const { name, fingerprint, classes } = manifest;
  const splits = splitCounts(manifest);
  const count = Object.values(splits).reduce((a, b) => a + b, 0);
  return { out, name, fingerprint, classes, count, splits };
}

async function* prepareSamples(
  options: ImportOptions,
  report: Report,
  { signal }: Context,
): AsyncGenerator<PreparedSample> {
  const concurrency = options.concurrency ?? 2 * availableParallelism();
  const { looks } = report;
  const known = options.classes && new Set(options.classes);
  for await (const outcome of mapOrdered(readAll(options, report, signal), concurrency, (item) =>
    prepare(item, options, known, looks),
  )) {
    if ('error' in outcome) report.skip(outcome.source, outcome.error);
    else {
      report.count(outcome.notices);
      report.flat.see(outcome.sample.pixels);
      yield outcome.sample;
    }
  }
}

async function* readAll(
  options: ImportOptions,
  report: Report,
  signal: AbortSignal | undefined,
): AsyncGenerator<SourceSample | BadSample> {
  for (const source of options.sources) {
    const { path, split, isFeedback }: ImportSource = typeof source === 'string' ? { path: source } : source;
    const reader = { ...readerOptions(options), split, groupBy: options.groupBy, signal };
    let found = false;
    const items = isFeedback
      ? withNormalNames(readFeedback(path, options.preprocessing, reader))
      : readSource(path, options.format ?? 'auto', reader);
    for await (const item of items) {
      if ('warning' in item || 'classes' in item) report.remark(item);
      else {
        found = true;
        yield item;
      }
    }
    if (!found)
      throw new RobleError('ROBLE_SOURCE_EMPTY', `${path} holds no sample.`, {
        nextSteps: ['Check the path, and that pictures lie in a folder for each class.'],
      });
  }
}

type Outcome =
  | { readonly sample: PreparedSample; readonly notices: readonly string[] }
  | { readonly source: string; readonly error: RobleError };

async function prepare(
  item: SourceSample | BadSample,
  options: ImportOptions,
  known: ReadonlySet<string> | undefined,
  looks: SomeLooks,
): Promise<Outcome> {
  if ('error' in item) return item;
  const { source, label, group, split, picture } = item;
  try {
    checkLabel(item, options, known);
    const { notices, ...content } = await toPixels(picture, options, looks);
    return {
      sample: { source, label, ...content, ...optional('group', group), ...optional('split', split) },
      notices,
    };
  } catch (error) {
    const coded = RobleError.from(error);
    // Only what is wrong with this one sample may be skipped.
    if (coded.kind !== 'user' || picture.kind === 'pixels') throw coded;
    return { source, error: coded };
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

/** A picture of a source as the pixels that a model sees, with its strokes where it was drawn from some. */
export async function toPixels(
  picture: Picture,
  {
    preprocessing,
    maxPixels,
    limitName,
    transpose = false,
  }: Pick<ImportOptions, 'preprocessing' | 'maxPixels' | 'limitName' | 'transpose'>,
  looks?: SomeLooks,
): Promise<PreparedImage & Pick<PreparedSample, 'strokes'>> {
  switch (picture.kind) {
    case 'encoded': {
      const options = { maxPixels, limitName, transpose };
      const isLookedAt = looks?.isNextWanted();
      const bytes = await picture.read();
      const { pixels, notices } = await prepareImage(bytes, preprocessing, options);
      if (isLookedAt) await looks!.add(bytes);
      return { pixels, notices: [...(picture.notices ?? []), ...notices] };
    }
    case 'pixels': {
      const { pixels, shape } = transpose ? transposePixels(picture.pixels, picture.shape) : picture;
      return { pixels: await preprocessPixels(pixels, shape, preprocessing), notices: [] };
    }
    case 'prepared':
      return { pixels: picture.pixels, notices: [] };
    case 'strokes': {
      const strokes = transpose ? transposeStrokes(picture.strokes) : picture.strokes;
      return { ...pictureOfDrawing({ strokes, unit: picture.unit }, preprocessing), notices: [] };
    }
  }
}

/** What the options were, without paths of the machine. */
function recipeOf(options: ImportOptions, report: Report): Record<string, unknown> {
  const { format = 'auto', labels, split, groupBy, seed = 0, maxPixels = DEFAULT_MAX_PIXELS } = options;
  const { imageColumn, labelColumn, encoding, delimiter, topFolders, transpose } = options;
  const sources = options.sources.map((source) => {
    const {
      path,
      split: given,
      isFeedback,
    }: ImportSource = typeof source === 'string' ? { path: source } : source;
    const name = basename(isFeedback ? describeDatabase(path) : path);
    return { path: name, ...optional('split', given), ...optional('isFeedback', isFeedback) };
  });
  const { skippedByCode, notices } = report.toJSON();
  return {
    command: 'data:import',
    sources,
    format,
    ...optional('labels', labels),
    ...optional('split', split),
    ...optional('groupBy', groupBy),
    ...optional('imageColumn', imageColumn),
    ...optional('labelColumn', labelColumn),
    ...optional('encoding', encoding),
    ...optional('delimiter', delimiter),
    ...optional('topFolders', topFolders),
    ...optional('transpose', transpose),
    seed,
    maxPixels,
    skipped: skippedByCode,
    notices,
  };
}

/** Looks at some of the pictures that come by, early and late ones. */
class SomeLooks {
  readonly #found: Look[] = [];
  #seen = 0;

  /** Whether to look at the next picture; asked once for each, in their order. */
  isNextWanted(): boolean {
    const number = this.#seen++;
    return number < EARLY_LOOKS || (number % LOOK_EVERY === 0 && number < MOST_LOOKS * LOOK_EVERY);
  }

  async add(encoded: Uint8Array): Promise<void> {
    const look = await lookAt(encoded);
    if (look) this.#found.push(look);
  }

  get common(): CommonLook | undefined {
    return commonLook(this.#found);
  }
}

/** Collects what happened to the samples on the way, and what the readers say about the sources. */
class Report {
  /** The classes that sources list, each once. */
  readonly classes: string[] = [];
  readonly flat = new FlatPictures();
  readonly looks = new SomeLooks();
  readonly #warnings: string[] = [];
  readonly #strict: boolean;
  readonly #context: Context;
  readonly #skipped: SkippedSample[] = [];
  readonly #notices = new Map<string, number>();
  #done = 0;

  constructor(strict: boolean, context: Context) {
    this.#strict = strict;
    this.#context = context;
  }

  remark(remark: SourceRemark): void {
    if ('warning' in remark && remark.strictError && this.#strict) throw remark.strictError;
    if ('classes' in remark) {
      const known = new Set(this.classes);
      this.classes.push(...remark.classes.filter((name) => !known.has(name)));
    } else if (!this.#warnings.includes(remark.warning)) this.#warnings.push(remark.warning);
  }

  /** Warnings about the sources, given the classes where there are any in the end. */
  remarks(classes?: readonly string[]): string[] {
    if (!classes) return this.#warnings;
    const quoted = (names: readonly string[]) => examples(names.map((name) => JSON.stringify(name)));
    const known = new Set(classes);
    const unused = this.classes.filter((name) => !known.has(name));
    return [
      ...this.#warnings,
      ...(unused.length > 0 ? [`listed classes without a sample are left out: ${quoted(unused)}`] : []),
      ...alikeNames(classes).map(
        (names) =>
          `the classes ${quoted(names)} differ in blanks or in upper and lower case alone; give them one name if they are one`,
      ),
    ];
  }

  skip(path: string, error: RobleError): void {
    if (this.#strict)
      throw new RobleError(error.code, `${path}: ${error.message}`, { ...error.details, cause: error });
    this.#skipped.push({ path, code: error.code, message: reasonOf(error) });
    this.#tick();
  }

  /** The error of a data set that cannot be made, with what was left out: that may be why. */
  explain(thrown: unknown): unknown {
    if (!(thrown instanceof RobleError) || thrown.kind !== 'user' || this.#skipped.length === 0)
      return thrown;
    const shown = eachReasonFirst(this.#skipped).slice(0, SHOWN_SKIPPED);
    const rest = this.#skipped.length - shown.length;
    return new RobleError(thrown.code, thrown.message, {
      ...thrown.details,
      problems: [...(thrown.details.problems ?? []), ...shown],
      skippedByCode: countByCode(this.#skipped),
      nextSteps: [
        ...(thrown.details.nextSteps ?? []),
        `${countOf(this.#skipped.length, 'sample')} could not be used${rest > 0 ? `, of which ${shown.length} are shown` : ''}.`,
      ],
      cause: thrown,
    });
  }

  count(notices: readonly string[]): void {
    for (const notice of notices) this.#notices.set(notice, (this.#notices.get(notice) ?? 0) + 1);
    this.#tick();
  }

  tell(remarks: readonly string[]): void {
    for (const message of remarks) this.#context.reporter?.report({ type: 'warning', message });
    for (const [notice, count] of this.#notices)
      this.#context.reporter?.report({ type: 'warning', message: `${countOf(count, 'image')}: ${notice}` });
  }

  tellSkipped(): void {
    if (this.#skipped.length > 0)
      this.#context.reporter?.report({
        type: 'warning',
        message: `${countOf(this.#skipped.length, 'sample')} could not be used.`,
      });
  }

  toJSON(): Pick<ImportResult, 'skipped' | 'skippedByCode' | 'notices'> {
    return {
      skipped: this.#skipped,
      skippedByCode: countByCode(this.#skipped),
      notices: Object.fromEntries(this.#notices),
    };
  }

  #tick(): void {
    this.#done += 1;
    if (this.#done % 1000 === 0)
      this.#context.reporter?.report({ type: 'progress', id: 'import', done: this.#done, unit: 'images' });
  }
}

const EARLY_LOOKS = 20;
const LOOK_EVERY = 50;
const MOST_LOOKS = 100;

/** Samples that the error of an import shows. */
const SHOWN_SKIPPED = 5;

/** The first sample of each reason, and then the others. */
function eachReasonFirst(skipped: readonly SkippedSample[]): SkippedSample[] {
  const first = new Map<ErrorCode, SkippedSample>();
  for (const sample of skipped) if (!first.has(sample.code)) first.set(sample.code, sample);
  const firsts = new Set(first.values());
  return [...firsts, ...skipped.filter((sample) => !firsts.has(sample))];
}

/**
 * Raw pixels with rows and columns swapped.
 *
 * @param pixels uint8, [height, width, channels]
 * @returns uint8, [width, height, channels], and its shape
 */
export function transposePixels(
  pixels: Uint8Array,
  { width, height, channels }: PixelShape,
): { pixels: Uint8Array; shape: PixelShape } {
  const swapped = new Uint8Array(pixels.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        swapped[(x * height + y) * channels + c] = pixels[(y * width + x) * channels + c]!;
  return { pixels: swapped, shape: { width: height, height: width, channels } };
}

/** Strokes with their coordinates swapped. */
export function transposeStrokes(strokes: readonly Stroke[]): Stroke[] {
  return strokes.map((stroke) => stroke.map(([x, y]) => [y, x] as const));
}
