import { join } from 'node:path';
import { groupBy, spreadIndices } from '../base/collections.js';
import { readPlainFile, readStart } from '../base/storage/read-file.js';
import { decoderInput } from './decode.js';
import { findPictures } from './find-images.js';
import { pixelFormat, unreadFormat } from './known-formats.js';
import { type CommonLook, commonLook, type Look, lookAt } from './look.js';
import { DEFAULT_MAX_PIXELS } from './preprocess.js';

/** Pictures of a folder that are decoded, and those whose first bytes are read; evenly spread over all. */
const LOOKS = 60;
const STARTS = 5000;

/** What a folder of pictures is like. */
export interface PictureSurvey {
  readonly count: number;
  /** How many of them each folder holds, by its path; those of the folder itself under the empty path. */
  readonly perFolder: ReadonlyMap<string, number>;
  /** What most of those that were decoded look like. */
  readonly look: CommonLook;
  /** How many there are of each format, such as "PNG", the most frequent first. */
  readonly formats: readonly (readonly [name: string, count: number])[];
  /** Whether most have transparent parts. */
  readonly isTransparent: boolean;
  /** Whether most have many shades, unlike drawings, which are paper and ink. */
  readonly isPhotograph: boolean;
  /** Longer side by shorter side that nine of ten do not exceed. */
  readonly aspect: number;
}

/** The pictures that were found below a folder. */
export interface SurveyedFolder {
  readonly count: number;
  /** Files that cannot be read as pictures, and why; of those that were looked at. */
  readonly unreadable: readonly UnreadablePicture[];
  /** Undefined if none can be read. */
  readonly survey: PictureSurvey | undefined;
}

export interface UnreadablePicture {
  readonly path: string;
  readonly reason: string;
}

/** Looks at the pictures below a folder. */
export async function surveyPictures(folder: string): Promise<SurveyedFolder> {
  const { pictures, unusable } = await findPictures(folder);
  const formats = new Map<string, number>();
  const unreadable: UnreadablePicture[] = unusable.map(({ path, error }) => ({
    path,
    reason: error.message,
  }));
  const readable: string[] = [];
  for (const i of spreadIndices(pictures.length, STARTS)) {
    const path = pictures[i]!;
    const start = await startOf(join(folder, path));
    if ('reason' in start) unreadable.push({ path, ...start });
    else {
      readable.push(path);
      formats.set(start.format, (formats.get(start.format) ?? 0) + 1);
    }
  }
  const looks: CloseLook[] = [];
  for (const i of spreadIndices(readable.length, LOOKS)) {
    const look = await lookClosely(join(folder, readable[i]!));
    if (look) looks.push(look);
    else unreadable.push({ path: readable[i]!, reason: 'it is damaged' });
  }
  return { count: pictures.length + unusable.length, unreadable, survey: surveyOf(pictures, formats, looks) };
}

function surveyOf(
  pictures: readonly string[],
  formats: ReadonlyMap<string, number>,
  looks: readonly CloseLook[],
): PictureSurvey | undefined {
  const look = commonLook(looks);
  if (!look) return undefined;
  const tones = looks.map(({ mainTones }) => mainTones);
  const aspects = looks.map(({ width, height }) => Math.max(width, height) / Math.min(width, height));
  return {
    count: pictures.length,
    perFolder: countsOf(pictures),
    look,
    formats: [...formats].sort(([, a], [, b]) => b - a),
    isTransparent: 2 * looks.filter(({ opaque }) => opaque < SEE_THROUGH).length > looks.length,
    isPhotograph: quantile(tones, 0.5) < DRAWN,
    aspect: quantile(aspects, 0.9),
  };
}

function countsOf(pictures: readonly string[]): Map<string, number> {
  const folders = groupBy(pictures, (path) => path.split('/').slice(0, -1).join('/'));
  return new Map([...folders].map(([folder, { length }]) => [folder, length]));
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))]!;

/** Bytes by which a file is recognised. */
const START_BYTES = 256;

async function startOf(file: string): Promise<{ readonly format: string } | { readonly reason: string }> {
  try {
    const start = await readStart(file, START_BYTES);
    const other = unreadFormat(start);
    if (other) return { reason: `it is ${other.name}: ${other.advice}` };
    const format = pixelFormat(start);
    if (format) return { format: format.replace(/^an? /, '') };
    return { reason: start.length === 0 ? 'it is empty' : 'its content is no picture' };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

interface CloseLook extends Look {
  /** Share of the pixels that are not transparent. */
  readonly opaque: number;
  /** Share of the opaque pixels that have one of the two most frequent tones, of 8 of each channel. */
  readonly mainTones: number;
}

const SIDE = 64;
/** A picture with less than this share of opaque pixels is meant to be transparent. */
const SEE_THROUGH = 0.98;
/**
 * The share of the two most frequent tones from which a picture is a drawing: paper and ink. Its median is 0.92 in scans of
 * written characters, and 0.57 in cut-out photographs with clip art among them.
 */
const DRAWN = 0.8;

/** Undefined for what cannot be decoded. */
async function lookClosely(file: string): Promise<CloseLook | undefined> {
  const bytes = await readPlainFile(file).catch(() => undefined);
  const look = bytes && (await lookAt(bytes));
  if (!look) return undefined;
  const { default: sharp } = await import('sharp');
  const { data } = await sharp(bytes, decoderInput(DEFAULT_MAX_PIXELS))
    .toColourspace('srgb')
    .ensureAlpha()
    // The nearest pixel: a mean would make shades of paper and ink.
    .resize({ width: SIDE, height: SIDE, fit: 'fill', kernel: 'nearest' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { ...look, ...tonesOf(data) };
}

/** @param pixels uint8, [count, 4]: red, green, blue, alpha */
function tonesOf(pixels: Uint8Array): Pick<CloseLook, 'opaque' | 'mainTones'> {
  const tones = new Uint32Array(512);
  let opaque = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    if (pixels[i + 3]! < 128) continue;
    opaque += 1;
    tones[((pixels[i]! >> 5) << 6) | ((pixels[i + 1]! >> 5) << 3) | (pixels[i + 2]! >> 5)]! += 1;
  }
  const [first, second] = tones.sort().slice(-2) as unknown as [number, number];
  return { opaque: (4 * opaque) / pixels.length, mainTones: opaque === 0 ? 1 : (first + second) / opaque };
}
