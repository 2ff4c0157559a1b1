import type { Preprocessing } from '../../image/settings.js';
import type { SplitName } from '../dataset/format.js';
import { pictureOf, type Subject } from './subject.js';

/** Measures of a photograph. Luma is that of Rec. 601, 0..255. */
export interface PhotographStatistics {
  /** The luma below which 5 % and 95 % of the pixels are, in the whole picture. */
  readonly dark: number;
  readonly light: number;
  /** The same of what is not background. */
  readonly contentDark: number;
  readonly contentLight: number;
  /** From 0, sharp, to 1: see {@link blurOf}. Undefined for drawings, and where nearly nothing changes from pixel to pixel. */
  readonly blur: number | undefined;
  /** Longer side by shorter side of the smallest box around what is not background. */
  readonly aspect: number;
}

/** Photographs of each split; undefined where the pictures are drawings, or too small to judge. */
export type SubjectPhotographs = ReadonlyMap<SplitName, readonly PhotographStatistics[]>;

/** The smallest side at which blur can be told from few pixels. */
const SMALLEST = 48;
/** The share of the two most frequent tones, of 8 of each channel, from which a picture is a drawing. */
const DRAWN = 0.8;
/** The share of a picture that strokes cover at most. */
const STROKES = 0.25;
/** Pictures that decide whether all are photographs. */
const JUDGED = 200;

/** Measures the pictures of a data set, if they are photographs. */
export function measurePhotographs(subject: Subject): SubjectPhotographs | undefined {
  const { preprocessing } = subject.manifest;
  if (Math.min(preprocessing.width, preprocessing.height) < SMALLEST || areDrawings(subject))
    return undefined;
  const measure = photographMeter(preprocessing);
  return new Map(
    subject.splits.map((split) => [
      split.split,
      Array.from({ length: split.count }, (_, index) => measure(pictureOf(subject, { split, index }))),
    ]),
  );
}

function areDrawings(subject: Subject): boolean {
  const places = subject.splits.flatMap((split) =>
    Array.from({ length: split.count }, (_, index) => ({ split, index })),
  );
  const step = Math.max(1, Math.floor(places.length / JUDGED));
  const judged = places.filter((_, i) => i % step === 0);
  const drawn = judged.filter((place) =>
    isDrawing(pictureOf(subject, place), subject.manifest.preprocessing),
  );
  return 2 * drawn.length >= judged.length;
}

/** Paper and ink, which covers little of it or has one tone. */
function isDrawing(picture: Uint8Array, preprocessing: Preprocessing): boolean {
  const { channels } = preprocessing;
  const background = backgroundOf(preprocessing);
  const tones = new Uint32Array(8 ** channels);
  const inked = new Uint32Array(8 ** channels);
  let ink = 0;
  for (let i = 0; i < picture.length; i += channels) {
    let tone = 0;
    for (let c = 0; c < channels; c++) tone = (tone << 3) | (picture[i + c]! >> 5);
    tones[tone]! += 1;
    if (isBackground(picture, i, background)) continue;
    inked[tone]! += 1;
    ink += 1;
  }
  const count = picture.length / channels;
  if (mostOf(tones) < DRAWN * count) return false;
  return ink < STROKES * count || mostOf(inked) >= DRAWN * ink;
}

/** How many have one of the two most frequent tones. */
function mostOf(tones: Uint32Array): number {
  const [second, first] = tones.sort().slice(-2) as unknown as [number, number];
  return first + second;
}

/** Least share of a picture that is content, for its content to be judged apart from the background. */
const LEAST_CONTENT = 0.02;

/**
 * A function that measures pictures of one shape in memory of its own.
 *
 * @returns takes a picture, uint8, [height, width, channels]
 */
export function photographMeter(preprocessing: Preprocessing): (picture: Uint8Array) => PhotographStatistics {
  const { width, height, channels } = preprocessing;
  const luma = new Uint8Array(width * height);
  const background = backgroundOf(preprocessing);
  return (picture) => {
    const whole = new Uint32Array(256);
    const content = new Uint32Array(256);
    let [left, top, right, bottom, count] = [width, height, 0, 0, 0];
    for (let y = 0, i = 0, at = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++, at += channels) {
        const value = lumaAt(picture, at, channels);
        luma[i] = value;
        whole[value]! += 1;
        if (isBackground(picture, at, background)) continue;
        content[value]! += 1;
        count += 1;
        if (x < left) left = x;
        if (x >= right) right = x + 1;
        if (y < top) top = y;
        bottom = y + 1;
      }
    const judged = count >= LEAST_CONTENT * luma.length ? content : whole;
    const sides = count === 0 ? [width, height] : [right - left, bottom - top];
    return {
      ...{ dark: quantileOf(whole, 0.05), light: quantileOf(whole, 0.95) },
      ...{ contentDark: quantileOf(judged, 0.05), contentLight: quantileOf(judged, 0.95) },
      blur: isDrawing(picture, preprocessing) ? undefined : blurOf(luma, width, height),
      aspect: Math.max(...sides) / Math.min(...sides),
    };
  };
}

const lumaAt = (picture: Uint8Array, at: number, channels: number): number =>
  channels === 1
    ? picture[at]!
    : (19595 * picture[at]! + 38470 * picture[at + 1]! + 7471 * picture[at + 2]! + 32768) >> 16;

/** What surrounds a picture in the data set, in its channels. */
function backgroundOf({ background, channels, invert }: Preprocessing): readonly number[] {
  const value = Number.parseInt(background.slice(1), 16);
  const colour = [value >> 16, (value >> 8) & 255, value & 255];
  const own = channels === 1 ? [lumaAt(Uint8Array.from(colour), 0, 3)] : colour;
  return invert ? own.map((part) => 255 - part) : own;
}

/** A difference from the background that no eye sees. */
const SAME = 2;

function isBackground(picture: Uint8Array, at: number, background: readonly number[]): boolean {
  for (let c = 0; c < background.length; c++)
    if (Math.abs(picture[at + c]! - background[c]!) > SAME) return false;
  return true;
}

function quantileOf(counts: Uint32Array, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (let value = 0; value < 256; value++) {
    below += counts[value]!;
    if (below > share * total) return value;
  }
  return 255;
}

/** Pixels of the low pass, and half of them. */
const WINDOW = 9;
const REACH = 4;
/** Mean change from pixel to pixel, in levels, below which there is nothing to be sharp. */
const LEAST_CHANGE = 0.1;

/**
 * How blurred a picture is, by how little more blur takes from it: F. Crété-Roffet and others, "The blur effect: perception
 * and estimation with a new no-reference perceptual blur metric" (SPIE 2007). A mean of nine pixels takes most of the changes
 * between neighbours from a sharp picture, and few from a blurred one, whatever the picture shows; the variance of the
 * Laplacian depends on that as much as on blur.
 *
 * @param luma uint8, [height, width]
 * @returns from 0, sharp, to 1, the more blurred of the two directions; undefined for a picture without changes
 */
export function blurOf(luma: Uint8Array, width: number, height: number): number | undefined {
  const across = blurAlong(luma, width, height, 1, width);
  const down = blurAlong(luma, height, width, width, 1);
  if (across === undefined || down === undefined) return across ?? down;
  return Math.max(across, down);
}

/** Along lines of `length` pixels that are `step` apart; the next of `lines` begins `next` later. */
function blurAlong(
  luma: Uint8Array,
  length: number,
  lines: number,
  step: number,
  next: number,
): number | undefined {
  let changes = 0;
  let lost = 0;
  for (let line = 0; line < lines; line++) {
    const start = line * next;
    let sum = 0;
    for (let k = 0; k < WINDOW; k++) sum += luma[start + k * step]!;
    for (let x = REACH + 1; x + REACH < length; x++) {
      const i = start + x * step;
      const before = sum;
      sum += luma[i + REACH * step]! - luma[i - (REACH + 1) * step]!;
      const change = Math.abs(luma[i]! - luma[i - step]!);
      changes += change;
      lost += Math.max(0, change - Math.abs(sum - before) / WINDOW);
    }
  }
  if (changes < LEAST_CHANGE * length * lines) return undefined;
  return (changes - lost) / changes;
}
