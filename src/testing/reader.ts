import { readdir, readFile, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { inspect } from 'node:util';
import { RobleError } from '../core/base/errors.js';
import { sha256 } from '../core/base/storage/durable.js';
import { DEFAULT_MAX_PIXELS, prepareImage } from '../core/image/preprocess.js';
import { preprocessingSchema } from '../core/image/settings.js';
import { isSourceItem } from '../core/plugin/check-item.js';
import {
  type BadSample,
  type Picture,
  type Reader,
  type ReaderOptions,
  type SourceItem,
  type SourceLook,
  type SourceSample,
  SPLITS,
} from '../core/plugin/reader.js';
import { Faults } from './faults.js';

export interface ReaderChecks {
  /** Options of the reader, such as the names of the classes. */
  readonly options?: Partial<ReaderOptions>;
}

/** What it gave, for further checks. */
export interface ReaderReport {
  readonly samples: readonly SourceSample[];
  readonly bad: readonly BadSample[];
  readonly warnings: readonly string[];
  /** The names of the classes in their order, where it says them. */
  readonly classes: readonly string[] | undefined;
}

/**
 * Tries a reader on a source as `data:import` does: it recognizes it; all that it gives is valid, with labels and splits that
 * there are, and pictures that can be decoded; a second time it gives the same in the same order; it stops when its signal
 * is aborted; and it says by a coded error that a source is not there.
 *
 * @param path a file or folder of its format, with at least two samples
 * @throws {RobleError} `ROBLE_PLUGIN_INVALID` with all that is wrong
 * @example
 * const { samples } = await assertReader(plugin, 'test/yolo');
 */
export async function assertReader(
  plugin: Reader,
  path: string,
  { options: given = {} }: ReaderChecks = {},
): Promise<ReaderReport> {
  const faults = Faults.of('reader', plugin);
  const options: ReaderOptions = { maxPixels: DEFAULT_MAX_PIXELS, ...given };
  faults.check(
    typeof plugin.description === 'string' && plugin.description !== '',
    'it has no "description"',
  );
  await tryRecognition(faults, plugin, path);
  const items = (await faults.attempt('read', () => collect(plugin, path, options))) ?? [];
  for (const item of items)
    faults.check(isSourceItem(item), `it gives something that is no sample: ${inspect(item).slice(0, 200)}`);
  const report = sortOut(items.filter(isSourceItem));
  faults.check(
    report.samples.length >= 2,
    `it gives ${report.samples.length} samples of ${path}; two are needed here`,
  );
  checkSamples(faults, report, options);
  for (const sample of report.samples) await checkPicture(faults, sample, path, options);
  await tryAgain(faults, plugin, path, options, items);
  await trySplit(faults, plugin, path, options);
  if (report.samples.length >= 2) await tryAbort(faults, plugin, path, options);
  await tryAbsent(faults, plugin, `${path}-that-is-not-there`, options);
  faults.throwIfAny();
  return report;
}

async function collect(plugin: Reader, path: string, options: ReaderOptions): Promise<SourceItem[]> {
  const items: SourceItem[] = [];
  for await (const item of plugin.read(path, options)) items.push(item);
  return items;
}

function sortOut(items: readonly SourceItem[]): ReaderReport {
  return {
    samples: items.flatMap((item) => ('picture' in item ? [item] : [])),
    bad: items.flatMap((item) => ('error' in item ? [item] : [])),
    warnings: items.flatMap((item) => ('warning' in item ? [item.warning] : [])),
    classes: items.flatMap((item) => ('classes' in item ? [item.classes] : [])).at(-1),
  };
}

async function tryRecognition(faults: Faults, plugin: Reader, path: string): Promise<void> {
  if (!plugin.recognizes) return;
  const empty: SourceLook = { path: `${path}-other`, isFolder: true, files: [], folders: [] };
  const look = await lookAt(path);
  const [knows, knowsEmpty] = [
    await faults.attempt('recognizes', () => plugin.recognizes!(look)),
    await faults.attempt('recognizes, asked about an empty folder,', () => plugin.recognizes!(empty)),
  ];
  faults.check(knows !== false, `it does not recognize ${path}`);
  faults.check(knowsEmpty !== true, 'it recognizes an empty folder');
}

async function lookAt(path: string): Promise<SourceLook> {
  if (!(await stat(path)).isDirectory()) return { path, isFolder: false, files: [], folders: [] };
  const entries = await readdir(path, { withFileTypes: true });
  const names = (isFolder: boolean) =>
    entries
      .filter((entry) => entry.isDirectory() === isFolder)
      .map(({ name }) => name)
      .sort();
  return { path, isFolder: true, files: names(false), folders: names(true) };
}

function checkSamples(faults: Faults, { samples, classes }: ReaderReport, options: ReaderOptions): void {
  const named = options.classes ?? classes;
  const sources = new Set<string>();
  for (const { source, label, split, group } of samples) {
    faults.check(source !== '', 'a sample has an empty source');
    faults.check(!sources.has(source), `two samples have the source "${source}"`);
    sources.add(source);
    if (typeof label === 'number')
      faults.check(
        label >= 0 && named !== undefined && label < named.length,
        `the label ${label} of "${source}" is no index into the ${named?.length ?? 0} classes that are known`,
      );
    else {
      faults.check(label !== '', `the label of "${source}" is empty`);
      faults.check(
        named?.includes(label) !== false,
        `the label "${label}" of "${source}" is none of the classes`,
      );
    }
    faults.check(
      split === undefined || SPLITS.includes(split),
      `the split "${split}" of "${source}" is none of ${SPLITS.join(', ')}`,
    );
    faults.check(
      group === undefined || (typeof group === 'string' && group !== ''),
      `the group of "${source}" is no name`,
    );
  }
}

/** How a picture is prepared does not matter here: only that it can be. */
const PREPROCESSING = preprocessingSchema.parse({ width: 16, height: 16 });

async function checkPicture(
  faults: Faults,
  { source, picture }: SourceSample,
  path: string,
  { confined, maxPixels }: ReaderOptions,
): Promise<void> {
  if (picture.kind === 'pixels') {
    const { width, height, channels } = picture.shape;
    faults.check(
      picture.pixels.length === width * height * channels,
      `"${source}" has ${picture.pixels.length} pixels for ${width}x${height}x${channels}`,
    );
  } else if (picture.kind === 'strokes')
    faults.check(
      picture.unit > 0 && picture.strokes.flat(2).every(Number.isFinite),
      `the strokes of "${source}" are no numbers, or their unit is not positive`,
    );
  else if (picture.kind === 'encoded') {
    const { from } = picture;
    if (typeof from === 'string' && confined) {
      const way = relative(resolve(path), resolve(from));
      faults.check(
        !way.startsWith('..') && !isAbsolute(way),
        `the picture of "${source}" lies outside of the source`,
      );
    }
    await faults.attempt(`to decode the picture of "${source}"`, async () =>
      prepareImage(typeof from === 'string' ? await readFile(from) : from, PREPROCESSING, { maxPixels }),
    );
  }
}

async function tryAgain(
  faults: Faults,
  plugin: Reader,
  path: string,
  options: ReaderOptions,
  items: readonly SourceItem[],
): Promise<void> {
  const again = (await faults.attempt('read, the second time,', () => collect(plugin, path, options))) ?? [];
  const prints = (list: readonly SourceItem[]) => JSON.stringify(list.map(printOf));
  faults.check(
    prints(again) === prints(items),
    'it does not give the same items in the same order when it reads again',
  );
}

/** An item as text; what a picture is made of by its hash. */
function printOf(item: SourceItem): unknown {
  return 'picture' in item ? { ...item, picture: printOfPicture(item.picture) } : item;
}

function printOfPicture(picture: Picture): unknown {
  if (picture.kind === 'encoded' && typeof picture.from !== 'string')
    return { ...picture, from: sha256(picture.from) };
  if (picture.kind === 'pixels' || picture.kind === 'prepared')
    return { ...picture, pixels: sha256(picture.pixels) };
  return picture;
}

async function trySplit(faults: Faults, plugin: Reader, path: string, options: ReaderOptions): Promise<void> {
  const items = await faults.attempt('read with a split', () =>
    collect(plugin, path, { ...options, split: 'test' }),
  );
  faults.check(
    (items ?? []).every((item) => !('picture' in item) || item.split === 'test'),
    'it does not give all samples the split that its options name',
  );
}

async function tryAbort(faults: Faults, plugin: Reader, path: string, options: ReaderOptions): Promise<void> {
  const controller = new AbortController();
  let after = 0;
  try {
    for await (const item of plugin.read(path, { ...options, signal: controller.signal })) {
      if (controller.signal.aborted && 'picture' in item) after++;
      if ('picture' in item) controller.abort(new RobleError('ROBLE_INTERRUPTED', 'Enough.'));
    }
    faults.check(after === 0, `it gives ${after} more samples after its signal was aborted`);
    faults.add("it ends as if all was read when its signal is aborted: throw the signal's reason");
  } catch (error) {
    faults.check(
      error === controller.signal.reason,
      `it does not throw the reason of its signal when that is aborted, but: ${(error as Error)?.message ?? error}`,
    );
    faults.check(after === 0, `it gives ${after} more samples after its signal was aborted`);
  }
}

async function tryAbsent(
  faults: Faults,
  plugin: Reader,
  path: string,
  options: ReaderOptions,
): Promise<void> {
  try {
    await collect(plugin, path, options);
    faults.add('it reads a source that is not there as if it were empty');
  } catch (error) {
    faults.check(
      RobleError.from(error).code !== 'ROBLE_INTERNAL',
      `it says that a source is not there with an error that has no code: ${(error as Error)?.message ?? error}`,
    );
  }
}
