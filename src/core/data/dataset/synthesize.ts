import { basename } from 'node:path';
import { type Context, withStep } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { hash32, Random } from '../../base/random.js';
import type { Preprocessing } from '../../image/settings.js';
import { fontsFor, loadFonts, type StrokeFont } from '../../image/strokes/fonts.js';
import { drawingToPixels, fitStrokes } from '../../image/strokes/frame.js';
import { type PackedDrawing, packDrawing } from '../../image/strokes/packed.js';
import type { Stroke } from '../../image/strokes/rasterize.js';
import { type SplitName, splitCounts } from './format.js';
import type { SplitRatios } from './splits.js';
import { type PreparedSample, writeDataset } from './write.js';

export interface SynthesizeOptions {
  /** Each becomes a class. */
  readonly characters: readonly string[];
  /** Images of each character. */
  readonly perClass: number;
  /** The folder to create. */
  readonly out: string;
  /** Default: the last part of `out`. */
  readonly name?: string | undefined;
  readonly preprocessing: Preprocessing;
  /** Default 0. */
  readonly seed?: number | undefined;
  /** Shares of the splits; default 0.8 train, 0.2 validation. Whole writers are kept together. */
  readonly ratios?: SplitRatios | undefined;
  /** Invented writers, each with a font and habits of its own; default one for each 8 images of a class, 10 to 200. */
  readonly writers?: number | undefined;
}

export interface SynthesizeResult {
  readonly out: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly classes: readonly string[];
  readonly count: number;
  readonly splits: Partial<Record<SplitName, number>>;
  readonly writers: number;
}

/**
 * Draws a data set of characters as a browser's canvas would show them: single-stroke fonts, round caps, a jittery
 * hand, and varying sizes and positions. Every image is a function of (seed, character, number) alone, so that a further
 * character does not change the others. Invented writers are groups: no writer is on both sides of a split.
 *
 * @throws {RobleError} `ROBLE_USAGE` for a character that no font has, and the errors of `writeDataset`.
 *
 * @example
 * await synthesizeDataset({ characters: ['0', '1'], perClass: 200, out: 'data/digits', preprocessing });
 */
export async function synthesizeDataset(
  options: SynthesizeOptions,
  context: Context = {},
): Promise<SynthesizeResult> {
  const { characters, perClass, seed = 0, ratios } = options;
  if (!Number.isInteger(perClass) || perClass < 1)
    throw new RobleError('ROBLE_USAGE', 'The number of images of each character is not usable.', {
      received: perClass,
      expected: 'a whole number from 1',
    });
  const fonts = fontsFor(await loadFonts(), characters);
  const writers =
    options.writers ?? Math.min(perClass, Math.max(10, Math.min(200, Math.round(perClass / 8))));
  const { manifest } = await withStep(context, 'synthesize', 'Drawing characters', () =>
    writeDataset(
      {
        out: options.out,
        name: options.name ?? basename(options.out),
        preprocessing: options.preprocessing,
        classes: characters,
        // Invented writers do not copy each other.
        split: { mode: 'ratio', ratios, seed, keepRepeatedTogether: false },
        recipe: () => ({
          command: 'data:synth',
          characters,
          perClass,
          seed,
          writers,
          ...(ratios && { ratios }),
        }),
      },
      drawAll(options, fonts, writers, seed),
      context,
    ),
  );
  const { name, fingerprint, classes } = manifest;
  const count = characters.length * perClass;
  return { out: options.out, name, fingerprint, classes, count, splits: splitCounts(manifest), writers };
}

async function* drawAll(
  { characters, perClass, preprocessing }: SynthesizeOptions,
  fonts: ReadonlyMap<string, StrokeFont[]>,
  writers: number,
  seed: number,
): AsyncGenerator<PreparedSample> {
  const hands = Array.from({ length: writers }, (_, writer) => inventHand(seed, writer));
  for (let i = 0; i < perClass; i++)
    for (const [label, character] of characters.entries()) {
      const writer = i % writers;
      const random = new Random(seed, 'synthesize', i, hash32(character));
      const strokes = writeCharacter(character, fonts.get(character)!, hands[writer]!, preprocessing, random);
      const pixels = drawingToPixels(strokes, preprocessing);
      yield { pixels, strokes, label, source: `${character}#${i}`, group: `writer-${writer}` };
    }
}

/** What stays the same over one writer's characters. Angles in radians, sizes as factors. */
interface Hand {
  readonly font: number;
  readonly slant: number;
  readonly rotation: number;
  readonly aspect: number;
  readonly lineWidth: number;
  readonly wobble: number;
}

/** The random streams of writers count down from the highest index, away from those of the samples. */
function inventHand(seed: number, writer: number): Hand {
  const random = new Random(seed, 'synthesize', 0xffffffff - writer);
  return {
    font: random.float(),
    slant: 0.15 * random.normal(),
    rotation: 0.06 * random.normal(),
    aspect: Math.exp(0.12 * random.normal()),
    lineWidth: Math.exp(0.2 * random.normal()),
    wobble: random.uniform(0.2, 1.2),
  };
}

function writeCharacter(
  character: string,
  fonts: readonly StrokeFont[],
  hand: Hand,
  { width, height }: Preprocessing,
  random: Random,
): PackedDrawing {
  // A hand keeps to its font most of the time.
  const choice = random.float() < 0.8 ? hand.font : random.float();
  const font = fonts[Math.floor(choice * fonts.length)]!;
  const side = Math.min(width, height);
  const fitted = fitStrokes(font.glyph(character)!, font.unit, { width, height });
  const warped = warp(fitted, hand, width, height, random);
  const wobbled = wobble(warped, hand.wobble * 0.02 * side, side / 7, random);
  const lineWidth = hand.lineWidth * Math.exp(0.08 * random.normal());
  return packDrawing(wobbled, { width, height }, lineWidth);
}

/** Rotation, slant, scale and shift around the middle of the frame. */
function warp(
  strokes: readonly Stroke[],
  hand: Hand,
  width: number,
  height: number,
  random: Random,
): Stroke[] {
  const rotation = hand.rotation + 0.06 * random.normal();
  const slant = hand.slant + 0.06 * random.normal();
  const scale = random.uniform(0.8, 1.12);
  const scaleX = scale * Math.sqrt(hand.aspect * Math.exp(0.08 * random.normal()));
  const scaleY = (scale * scale) / scaleX;
  const shiftX = width / 2 + 0.03 * width * random.normal();
  const shiftY = height / 2 + 0.03 * height * random.normal();
  const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)];
  return strokes.map((stroke) =>
    stroke.map(([x, y]) => {
      const v = scaleY * (y - height / 2);
      const u = scaleX * (x - width / 2) - slant * v;
      return [cos * u - sin * v + shiftX, sin * u + cos * v + shiftY] as const;
    }),
  );
}

/**
 * The tremble of a hand: long lines get more points, and all points move by smooth noise, a random walk that is pulled back
 * to the line.
 *
 * @param amplitude typical distance from the line, in pixels
 * @param spacing distance of the points, in pixels
 */
function wobble(strokes: readonly Stroke[], amplitude: number, spacing: number, random: Random): Stroke[] {
  return strokes.map((stroke) => {
    let [driftX, driftY] = [amplitude * random.normal(), amplitude * random.normal()];
    return subdivide(stroke, spacing).map(([x, y]) => {
      driftX = 0.8 * driftX + 0.6 * amplitude * random.normal();
      driftY = 0.8 * driftY + 0.6 * amplitude * random.normal();
      return [x + driftX, y + driftY] as const;
    });
  });
}

/** Points at most `spacing` apart; points much closer than that are dropped, so that noise does not become fuzz. */
function subdivide(stroke: Stroke, spacing: number): Stroke {
  const points: [number, number][] = [];
  let [lastX, lastY] = stroke[0]!;
  points.push([lastX, lastY]);
  for (const [i, [x, y]] of stroke.entries()) {
    const distance = Math.hypot(x - lastX, y - lastY);
    if (i === 0 || (distance < spacing / 3 && i < stroke.length - 1)) continue;
    const pieces = Math.max(1, Math.ceil(distance / spacing));
    for (let piece = 1; piece <= pieces; piece++)
      points.push([lastX + ((x - lastX) * piece) / pieces, lastY + ((y - lastY) * piece) / pieces]);
    [lastX, lastY] = [x, y];
  }
  return points;
}
