import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { RobleError } from 'roble/plugin';
import sharp from 'sharp';

/**
 * Objects of COCO annotations (https://cocodataset.org/#format-data), each cropped to its box: a JSON file, or a folder
 * that holds such files, itself or in `annotations` or a folder for each split. Crowds (`iscrowd`) are no objects.
 *
 * @type {import('roble/plugin').Reader}
 */
export const plugin = {
  name: 'coco',
  description: 'Objects of COCO annotations, cropped to their boxes',

  async recognizes({ path, isFolder }) {
    return isFolder ? (await annotationFiles(path)).length > 0 : isAnnotation(path);
  },

  async *read(path, options) {
    const isFolder = (await stat(path)).isDirectory();
    const root = isFolder ? path : dirname(path);
    const files = isFolder ? await annotationFiles(path) : [path];
    if (files.length === 0)
      throw new RobleError('ROBLE_SOURCE_UNKNOWN', `${path} holds no COCO annotations.`, {
        expected: 'a JSON file with "images", "annotations" and "categories", or a folder with such files',
      });
    for (const file of files) yield* objectsOf(file, root, options);
  },
};

/** The folders in which annotations lie, apart from the source itself. */
const FOLDERS = ['annotations', 'train', 'valid', 'val', 'validation', 'test'];
const SPLITS = {
  train: 'train',
  valid: 'validation',
  val: 'validation',
  validation: 'validation',
  test: 'test',
};

const isAnnotation = (path) => /(^|[._-])(coco|instances)[._-].*\.json$|\.coco\.json$/i.test(basename(path));

async function annotationFiles(folder) {
  const found = [];
  for (const inner of ['', ...FOLDERS]) {
    const names = await readdir(join(folder, inner)).catch(() => []);
    found.push(...names.filter(isAnnotation).map((name) => join(folder, inner, name)));
  }
  return found.sort();
}

/** The split that the name of a file or its folder speaks of, such as `instances_train2017.json`. */
function splitOf(file) {
  const words = `${basename(dirname(file))} ${basename(file)}`.toLowerCase().match(/[a-z]+/g) ?? [];
  return words.map((word) => SPLITS[word]).find((split) => split !== undefined);
}

async function* objectsOf(file, root, { split = splitOf(file), signal, confined }) {
  const { images, annotations, categories } = await readAnnotations(file);
  yield { classes: categories.map(({ name }) => name) };
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const objects = new Map(images.map(({ id }) => [id, []]));
  for (const annotation of annotations) objects.get(annotation.image_id)?.push(annotation);
  for (const { id, file_name: name } of images) {
    const path = await pictureOf(name, file, root, confined);
    const picture = path === undefined ? name : relative(root, path);
    for (const { id: object, bbox, category_id: category, iscrowd } of objects.get(id)) {
      if (iscrowd) continue;
      signal?.throwIfAborted();
      const source = `${picture}#${object}`;
      try {
        if (path === undefined) throw new RobleError('ROBLE_FILE_NOT_FOUND', `There is no picture ${name}.`);
        const label = names.get(category);
        if (label === undefined)
          throw new RobleError('ROBLE_LABEL_RANGE', `There is no category ${category}.`);
        const from = await crop(path, bbox);
        // Objects of one picture look alike, so they stay in one split.
        yield { source, label, group: picture, ...(split && { split }), picture: { kind: 'encoded', from } };
      } catch (error) {
        if (!(error instanceof RobleError)) throw error;
        yield { source, error };
      }
    }
  }
}

async function readAnnotations(file) {
  let given;
  try {
    given = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new RobleError('ROBLE_TEXT_INVALID', `${file} is no JSON: ${cause.message}`, { cause });
  }
  const missing = ['images', 'annotations', 'categories'].filter((key) => !Array.isArray(given?.[key]));
  if (missing.length === 0) return given;
  throw new RobleError('ROBLE_SOURCE_UNKNOWN', `${file} holds no COCO annotations.`, {
    received: `no list ${missing.join(', ')}`,
    expected: '"images", "annotations" and "categories"',
  });
}

/** Where a picture lies: beside its annotations, in the folder of its split, or in `images`; confined: never outside of the root. */
async function pictureOf(name, file, root, confined) {
  const split = splitOf(file);
  const folders = [dirname(file), root, join(root, 'images')];
  const ofSplit = Object.keys(SPLITS).filter((word) => SPLITS[word] === split);
  const years = (await readdir(root).catch(() => [])).filter((folder) =>
    ofSplit.includes(folder.replace(/\d+$/, '')),
  );
  for (const folder of [
    ...folders,
    ...years.map((year) => join(root, year)),
    ...ofSplit.map((word) => join(root, 'images', word)),
  ]) {
    const path = join(folder, name);
    if (confined && isOutside(root, path)) continue;
    const isThere = await stat(path).then(
      (found) => found.isFile(),
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

function isOutside(root, path) {
  const way = relative(root, path);
  return way.startsWith('..') || isAbsolute(way);
}

/** The part of a picture in a box [left, top, width, height], in pixels. */
async function crop(path, bbox) {
  const [x, y, wide, high] = Array.isArray(bbox) ? bbox.map(Number) : [];
  const bytes = await readFile(path);
  try {
    const { width, height } = await sharp(bytes).metadata();
    const left = Math.max(0, Math.floor(x));
    const top = Math.max(0, Math.floor(y));
    const right = Math.min(width, Math.ceil(x + wide));
    const bottom = Math.min(height, Math.ceil(y + high));
    if (!(right - left >= 1 && bottom - top >= 1))
      throw new Error(`the box ${JSON.stringify(bbox)} is empty or outside`);
    return await sharp(bytes)
      .extract({ left, top, width: right - left, height: bottom - top })
      .png()
      .toBuffer();
  } catch (cause) {
    throw new RobleError('ROBLE_IMAGE_UNREADABLE', `${basename(path)}: ${cause.message}`, { cause });
  }
}
