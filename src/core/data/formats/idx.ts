import { createWriteStream } from 'node:fs';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { optional } from '../../base/collections.js';
import { RobleError } from '../../base/errors.js';
import { ByteReader, openPlainOrGzip } from '../../base/storage/byte-reader.js';
import { exists } from '../../base/storage/files.js';
import { ENCODING_STEP, linesOf, readTextFile } from '../../base/storage/text-file.js';
import { type PixelLimit, tooManyPixels } from '../../image/decode.js';
import type { PixelShape } from '../../image/settings.js';
import { CLASS_LIST, classListText, readClassList } from '../dataset/class-names.js';
import type { SplitName } from '../dataset/format.js';
import { type ExportSource, type ReaderOptions, type SourceItem, splitOfWord } from './source.js';

const IMAGES_NAME = /^(.*?)-?images[-.]idx[34]-ubyte(\.gz)?$/;

/** Whether a file's name is that of an IDX file of images. */
export function isIdxImages(name: string): boolean {
  return IMAGES_NAME.test(name);
}

/**
 * Reads IDX files, the format of MNIST (Y. LeCun): images idx3 (grey) or idx4 (colour, [count, height, width,
 * channels]) beside their labels idx1, gzip or not. A folder may hold several; `train-`, `val-`, `t10k-` and their like
 * give the split. A `classes.txt` or a mapping of EMNIST beside the files gives the classes.
 *
 * @throws {RobleError} `ROBLE_IDX_MAGIC`, `ROBLE_IDX_COUNT`, `ROBLE_IDX_TRAILING`, `ROBLE_FILE_NOT_FOUND`: the whole file
 *   is in doubt then, and none of it is used.
 */
export async function* readIdx(path: string, options: ReaderOptions): AsyncGenerator<SourceItem> {
  const files = await imageFiles(path);
  const set = onlyEmnistSet(path, files);
  if (set !== undefined && options.transpose === undefined) yield { warning: EMNIST_WARNING };
  const names = options.classes ? undefined : await classNames(dirname(files[0] ?? path), set, options);
  if (names) yield { classes: [...names.values()] };
  for (const images of files) {
    const split = options.split ?? splitOfWord(prefixOf(images).split('-').at(-1)!);
    const labels = await readLabels(await labelsFileOf(images), names);
    yield* readImages(images, labels, split, options);
  }
}

/** What stands before `images` in a file's name, such as `train`. */
const prefixOf = (images: string): string => IMAGES_NAME.exec(basename(images))?.[1] ?? '';

/** The set of EMNIST that files are of, if they are. The official archive holds six, in which a label means different characters. */
function onlyEmnistSet(path: string, files: readonly string[]): string | undefined {
  const sets = [...new Set(files.map((file) => emnistSet(prefixOf(file))))];
  if (sets.length < 2 || sets.every((set) => set === undefined)) return sets[0];
  throw new RobleError('ROBLE_SOURCE_UNKNOWN', `${path} holds several data sets.`, {
    received: files.map((file) => basename(file)),
    expected: 'one set, such as emnist-balanced',
    nextSteps: ['Name its files with --train and --test instead of the folder.'],
  });
}

/** The class of each label, if a file beside the data lists them. */
async function classNames(
  folder: string,
  set: string | undefined,
  { encoding }: ReaderOptions,
): Promise<Map<number, string> | undefined> {
  const listed = await readClassList(folder, { encoding, nextStep: ENCODING_STEP });
  if (listed) return new Map(listed.entries());
  return set === undefined ? undefined : readEmnistMapping(folder, set);
}

async function imageFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter(isIdxImages).sort();
  // `x` and `x.gz` are the same file.
  return names
    .filter((name) => !names.includes(name.replace(/\.gz$/, '')) || !name.endsWith('.gz'))
    .map((name) => join(path, name));
}

async function labelsFileOf(images: string): Promise<string> {
  const plain = basename(images)
    .replace(/images([-.])idx[34]/, 'labels$1idx1')
    .replace(/\.gz$/, '');
  for (const name of [plain, `${plain}.gz`]) {
    const path = join(dirname(images), name);
    if (name !== basename(images) && (await exists(path))) return path;
  }
  throw new RobleError('ROBLE_FILE_NOT_FOUND', `${images} has no labels beside it.`, {
    expected: `${plain} or ${plain}.gz in the same folder`,
  });
}

async function readLabels(
  path: string,
  names: ReadonlyMap<number, string> | undefined,
): Promise<(string | number)[]> {
  return withFile(path, async (reader) => {
    const [count] = await readHeader(reader, path, [LABELS_MAGIC], 'labels (idx1, unsigned bytes)');
    const labels = await reader.read(count!);
    if (labels.length < count!) throw tooFew(path, labels.length, count!, 'labels');
    await refuseTrailing(reader, path);
    return Array.from(labels, (label, i) => (names ? nameOf(label, names, `${path}#${i}`) : label));
  });
}

function nameOf(label: number, names: ReadonlyMap<number, string>, source: string): string {
  const name = names.get(label);
  if (name !== undefined) return name;
  throw new RobleError('ROBLE_LABEL_RANGE', `The label of ${source} is outside the list beside the file.`, {
    received: label,
    expected: `one of the ${names.size} labels of ${CLASS_LIST}, or of the mapping of EMNIST`,
    nextSteps: ['List the classes with --classes.'],
  });
}

async function* readImages(
  path: string,
  labels: readonly (string | number)[],
  split: SplitName | undefined,
  options: ReaderOptions,
): AsyncGenerator<SourceItem> {
  const name = basename(path);
  const reader = new ByteReader(await openPlainOrGzip(path));
  try {
    const [count, ...sides] = await readHeader(
      reader,
      path,
      [GREY_MAGIC, COLOUR_MAGIC],
      'images (idx3 or idx4, unsigned bytes)',
    );
    if (count !== labels.length)
      throw new RobleError('ROBLE_IDX_COUNT', `${path} and its labels differ in number.`, {
        received: `${count} images, ${labels.length} labels`,
        expected: 'one label for each image',
      });
    const shape = shapeOf(path, sides, options);
    const size = shape.width * shape.height * shape.channels;
    for (let i = 0; i < count; i++) {
      const pixels = await reader.read(size);
      if (pixels.length < size) throw tooFew(path, i, count, 'whole images');
      yield {
        source: `${name}#${i}`,
        label: labels[i]!,
        ...optional('split', split),
        picture: { kind: 'pixels', pixels, shape },
      };
    }
    await refuseTrailing(reader, path);
  } catch (error) {
    throw asIdxError(path, error);
  } finally {
    reader.close();
  }
}

async function withFile<T>(path: string, work: (reader: ByteReader) => Promise<T>): Promise<T> {
  const reader = new ByteReader(await openPlainOrGzip(path));
  try {
    return await work(reader);
  } catch (error) {
    throw asIdxError(path, error);
  } finally {
    reader.close();
  }
}

/** Reads the magic number, whose last byte is the number of sizes, and the sizes. */
async function readHeader(
  reader: ByteReader,
  path: string,
  magics: number[],
  what: string,
): Promise<number[]> {
  const start = await reader.read(4);
  const magic = start.length === 4 ? start.readUInt32BE() : -1;
  refuseOtherTypes(path, magic, what);
  if (!magics.includes(magic))
    throw new RobleError('ROBLE_IDX_MAGIC', `${path} is not an IDX file of ${what}.`, {
      received: start.length === 4 ? hexadecimal(magic) : `${start.length} bytes`,
      expected: magics.map(hexadecimal).join(' or '),
      nextSteps: ['Check that the file is complete, and that images and labels are not swapped.'],
    });
  const sizes = await reader.read(4 * (magic & 0xff));
  if (sizes.length < 4 * (magic & 0xff))
    throw tooFew(path, 4 + sizes.length, 4 + 4 * (magic & 0xff), 'bytes of the header');
  return Array.from({ length: sizes.length / 4 }, (_, i) => sizes.readUInt32BE(4 * i));
}

/** The types of IDX other than unsigned bytes, by their code in the magic number. */
const OTHER_TYPES: Readonly<Record<number, string>> = {
  9: 'int8',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
};

/** Nothing defines which value of such a type is white, so that whole sets would become black or white. */
function refuseOtherTypes(path: string, magic: number, what: string): void {
  const type = OTHER_TYPES[magic >>> 8];
  if (type !== undefined)
    throw new RobleError('ROBLE_IDX_MAGIC', `${path} holds numbers of type ${type}.`, {
      received: hexadecimal(magic),
      expected: `${what}: 0 is black, 255 is white`,
      nextSteps: ['Write the file again with unsigned bytes; pictures of 0..1 multiplied by 255.'],
    });
}

function shapeOf(path: string, [height, width, channels = 1]: number[], limit: PixelLimit): PixelShape {
  if (![1, 2, 3, 4].includes(channels) || height! * width! === 0)
    throw new RobleError('ROBLE_IDX_COUNT', `${path} holds no images of a usable shape.`, {
      received: [height, width, channels],
      expected: '[height, width, channels] with 1 to 4 channels',
    });
  if (height! * width! > limit.maxPixels)
    throw tooManyPixels(`${path} holds images of`, { width: width!, height: height! }, limit);
  return { width: width!, height: height!, channels: channels as PixelShape['channels'] };
}

async function refuseTrailing(reader: ByteReader, path: string): Promise<void> {
  const count = await reader.drain();
  if (count > 0)
    throw new RobleError('ROBLE_IDX_TRAILING', `${path} goes on after its last value.`, {
      received: `${count} bytes more`,
      expected: 'the end of the file',
      nextSteps: ['Check where the file comes from: its header and its content do not fit together.'],
    });
}

function tooFew(path: string, received: number, expected: number, what: string): RobleError {
  return new RobleError('ROBLE_IDX_COUNT', `${path} ends early.`, {
    received: `${received} ${what}`,
    expected: `${expected}, as its header says`,
    nextSteps: ['Copy or download the file again.'],
  });
}

/** A damaged gzip stream is an IDX file with too few values. */
function asIdxError(path: string, error: unknown): RobleError {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (typeof code === 'string' && code.startsWith('Z_'))
    return new RobleError('ROBLE_IDX_COUNT', `${path} is damaged or ends early.`, {
      received: (error as Error).message,
      expected: 'a whole gzip file',
      nextSteps: ['Copy or download the file again.'],
      cause: error,
    });
  return RobleError.from(error);
}

const hexadecimal = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

/** The magic numbers of IDX files of unsigned bytes; the last byte is the number of dimensions. */
const LABELS_MAGIC = 0x00000801;
const GREY_MAGIC = 0x00000803;
const COLOUR_MAGIC = 0x00000804;

/** The sets of EMNIST by their names: `emnist-balanced-train` is of the set `emnist-balanced`. */
const PREFIX = /^(emnist-[a-z]+)-(?:train|test)$/;

/** The set of EMNIST that is named by the start of an IDX file's name, up to `-images`. */
function emnistSet(prefix: string): string | undefined {
  return PREFIX.exec(prefix)?.[1];
}

/**
 * The class of each label, from the mapping that lies beside the files of EMNIST (Cohen et al. 2017): lines of a label and
 * the code of its character; a further code is that of the lower case letter in the same class.
 *
 * @throws {RobleError} `ROBLE_LABEL_RANGE` for a file of another form
 */
async function readEmnistMapping(folder: string, set: string): Promise<Map<number, string> | undefined> {
  const path = join(folder, `${set}-mapping.txt`);
  if (!(await exists(path))) return undefined;
  const classes = new Map<number, string>();
  for (const line of linesOf(await readTextFile(path))) {
    if (line.trim() === '') continue;
    const [label, code] = line.trim().split(/\s+/).map(Number);
    if (!Number.isInteger(label) || !(code! > 32 && code! <= 0x10ffff))
      throw new RobleError('ROBLE_LABEL_RANGE', `${path} is not a mapping of labels to characters.`, {
        received: line,
        expected: 'a label and the code of its character, such as "10 65"',
        nextSteps: ['List the classes with --classes.'],
      });
    classes.set(label!, String.fromCodePoint(code!));
  }
  return classes;
}

/** The warning about files of EMNIST if the caller does not say how their pictures lie. */
const EMNIST_WARNING =
  'files named emnist-... hold their pictures transposed; import them with --transpose, or say --no-transpose if yours lie upright';

/** How MNIST names its files; it has no validation samples. */
const PREFIXES: Readonly<Record<SplitName, string>> = { train: 'train', validation: 'val', test: 't10k' };

/**
 * Writes the files of MNIST, packed by gzip: images idx3 (grey) or idx4 (colour, [count, height, width, channels]) and
 * labels idx1 for each split.
 *
 * @throws {RobleError} `ROBLE_USAGE` for more than 256 classes: a label is one byte
 */
export async function writeIdx(folder: string, source: ExportSource): Promise<void> {
  const { classes } = source.manifest;
  if (classes.length > 256)
    throw new RobleError('ROBLE_USAGE', 'IDX files have no room for the labels.', {
      received: `${classes.length} classes`,
      expected: 'at most 256 classes, because a label is one byte',
      nextSteps: ['Export with --format parquet or --format folder.'],
    });
  await writeFile(join(folder, CLASS_LIST), classListText(classes));
  for (const split of source.splits) await writeSplit(folder, split, source);
}

async function writeSplit(
  folder: string,
  split: SplitName,
  { manifest, samples }: ExportSource,
): Promise<void> {
  const { width, height, channels } = manifest.preprocessing;
  const { count } = manifest.splits[split]!;
  const labels = new Uint8Array(count);
  async function* images() {
    yield channels === 1
      ? header(GREY_MAGIC, [count, height, width])
      : header(COLOUR_MAGIC, [count, height, width, channels]);
    let i = 0;
    for await (const { pixels, label } of samples(split)) {
      labels[i] = label;
      i += 1;
      yield pixels;
    }
  }
  const file = (kind: string) => join(folder, `${PREFIXES[split]}-${kind}-ubyte.gz`);
  await writePacked(file(channels === 1 ? 'images-idx3' : 'images-idx4'), images());
  await writePacked(file('labels-idx1'), [header(LABELS_MAGIC, [count]), labels]);
}

async function writePacked(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  await pipeline(chunks, createGzip(), createWriteStream(path, { flags: 'wx' }));
}

function header(magic: number, sizes: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * sizes.length);
  bytes.writeUInt32BE(magic);
  for (const [i, size] of sizes.entries()) bytes.writeUInt32BE(size, 4 + 4 * i);
  return bytes;
}
