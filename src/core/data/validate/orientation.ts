import { preprocessingSchema } from '../../image/settings.js';
import { loadFonts, type StrokeFont } from '../../image/strokes/fonts.js';
import { drawingToPixels, fitStrokes } from '../../image/strokes/frame.js';
import { packDrawing } from '../../image/strokes/packed.js';
import { pictureAt } from '../dataset/pictures.js';
import { centroid, findInk, type PictureOf, type PictureShape } from '../similarity/ink.js';
import { sourcesOf } from './sample-groups.js';
import type { Finding, Subject, SubjectSplit } from './subject.js';

/** The eight orientations of a square: how a picture that was upright looks after it was turned. */
const ORIENTATIONS = [
  'upright',
  'transposed',
  'mirrored',
  'upside down',
  'turned by 180 degrees',
  'turned to the left',
  'turned to the right',
  'transposed over the other diagonal',
] as const;
export type Orientation = (typeof ORIENTATIONS)[number];

/** Where the cell at column `x` and row `y` moves to; `last` is the index of the last row and column. */
const TURNS: Record<Orientation, (x: number, y: number, last: number) => readonly [number, number]> = {
  upright: (x, y) => [x, y],
  transposed: (x, y) => [y, x],
  mirrored: (x, y, last) => [last - x, y],
  'upside down': (x, y, last) => [x, last - y],
  'turned by 180 degrees': (x, y, last) => [last - x, last - y],
  'turned to the left': (x, y, last) => [y, last - x],
  'turned to the right': (x, y, last) => [last - y, x],
  'transposed over the other diagonal': (x, y, last) => [last - y, last - x],
};

/** How well pictures of characters fit drawn ones in an orientation. */
export interface OrientationScore {
  readonly orientation: Orientation;
  /** Mean correlation with the drawn characters, over the classes that distinguish this orientation from upright. */
  readonly correlation: number;
  /** The same with upright characters. */
  readonly upright: number;
  /** Classes that distinguish the two: characters that look different in this orientation. */
  readonly classes: number;
  /** How many of these fit better in this orientation than upright. */
  readonly better: number;
}

/** Cells on a side of a reduced picture. */
const CELLS = 16;
/** Root mean square distance of the ink from its centre, in cells. */
const SPREAD = CELLS / 4;
/** A character whose turned picture correlates more than this with the upright one does not distinguish the two. */
const SYMMETRIC = 0.85;
/** Pictures of a class that are averaged: more do not change the mean. */
const PICTURES = 200;
/** Drawn characters are rendered in a frame of this side. */
const FRAME = preprocessingSchema.parse({ width: 32, height: 32 });

/**
 * Compares pictures of characters with those that single-stroke fonts draw, in all eight orientations. Pictures are reduced
 * to a grid about the centre of their ink, scaled to one spread, and averaged over their class, so that sizes, positions and
 * hands do not matter.
 *
 * @param labels [count]: indices into `characters`
 * @param characters the character of each class; `undefined` for a class that is not a character and is not judged
 */
function scoreOrientations(
  pictureOf: PictureOf,
  labels: ArrayLike<number>,
  shape: PictureShape,
  characters: readonly (string | undefined)[],
  fonts: readonly StrokeFont[],
): OrientationScore[] {
  const means = classMeans(pictureOf, labels, shape, characters);
  const drawn = characters.map((character) => character && drawnMean(character, fonts));
  return ORIENTATIONS.slice(1).map((orientation) => {
    const pairs = drawn.flatMap((upright, label) => {
      const mean = means[label];
      if (!upright || !mean) return [];
      const turned = turn(upright, orientation);
      if (correlation(upright, turned) > SYMMETRIC) return [];
      return [{ turned: correlation(mean, turned), upright: correlation(mean, upright) }];
    });
    const average = (values: readonly number[]) =>
      values.reduce((a, b) => a + b, 0) / Math.max(1, pairs.length);
    return {
      orientation,
      correlation: average(pairs.map(({ turned }) => turned)),
      upright: average(pairs.map(({ upright }) => upright)),
      classes: pairs.length,
      better: pairs.filter(({ turned, upright }) => turned > upright).length,
    };
  });
}

/** The mean reduced picture of each class; undefined for one without ink, or that is not a character. */
function classMeans(
  pictureOf: PictureOf,
  labels: ArrayLike<number>,
  shape: PictureShape,
  characters: readonly (string | undefined)[],
): (Float64Array | undefined)[] {
  const sums = characters.map(
    (character) => character && { count: 0, grid: new Float64Array(CELLS * CELLS) },
  );
  const ink = new Float32Array(shape.width * shape.height);
  for (let i = 0; i < labels.length; i++) {
    const sum = sums[labels[i]!];
    if (!sum || sum.count === PICTURES) continue;
    findInk(pictureOf(i), shape, ink);
    if (reduceInto(sum.grid, ink, shape)) sum.count += 1;
  }
  return sums.map((sum) => (sum && sum.count > 0 ? sum.grid : undefined));
}

/** The mean reduced picture of a character over the fonts; undefined if none has it. */
function drawnMean(character: string, fonts: readonly StrokeFont[]): Float64Array | undefined {
  const grid = new Float64Array(CELLS * CELLS);
  let count = 0;
  for (const font of fonts) {
    const glyph = font.glyph(character);
    if (!glyph) continue;
    const drawing = drawingToPixels(packDrawing(fitStrokes(glyph, font.unit, FRAME), FRAME), FRAME);
    if (reduceInto(grid, Float32Array.from(drawing), FRAME)) count += 1;
  }
  return count > 0 ? grid : undefined;
}

/** Adds ink to a grid: centred, scaled to the same spread, with the sum 1. Returns false if there is none. */
function reduceInto(
  grid: Float64Array,
  ink: Float32Array,
  { width }: Pick<PictureShape, 'width' | 'height'>,
): boolean {
  const { x: centreX, y: centreY, total } = centroid(ink, width);
  if (total === 0) return false;
  let squares = 0;
  for (let i = 0; i < ink.length; i++)
    squares += ink[i]! * (((i % width) - centreX) ** 2 + (Math.floor(i / width) - centreY) ** 2);
  const scale = SPREAD / Math.max(0.5, Math.sqrt(squares / total));
  for (let i = 0; i < ink.length; i++) {
    if (ink[i] === 0) continue;
    const u = ((i % width) - centreX) * scale + (CELLS - 1) / 2;
    const v = (Math.floor(i / width) - centreY) * scale + (CELLS - 1) / 2;
    addBetween(grid, u, v, ink[i]! / total);
  }
  return true;
}

/** Divides a value among the four cells around a point, unless one of them is outside. */
function addBetween(grid: Float64Array, u: number, v: number, value: number): void {
  const [column, row] = [Math.floor(u), Math.floor(v)];
  if (column < 0 || row < 0 || column + 1 >= CELLS || row + 1 >= CELLS) return;
  const [right, down] = [u - column, v - row];
  const at = row * CELLS + column;
  grid[at]! += value * (1 - right) * (1 - down);
  grid[at + 1]! += value * right * (1 - down);
  grid[at + CELLS]! += value * (1 - right) * down;
  grid[at + CELLS + 1]! += value * right * down;
}

function turn(grid: Float64Array, orientation: Orientation): Float64Array {
  const turned = new Float64Array(grid.length);
  for (let y = 0; y < CELLS; y++)
    for (let x = 0; x < CELLS; x++) {
      const [column, row] = TURNS[orientation](x, y, CELLS - 1);
      turned[row * CELLS + column] = grid[y * CELLS + x]!;
    }
  return turned;
}

/** Pearson's correlation. */
function correlation(a: Float64Array, b: Float64Array): number {
  const [meanA, meanB] = [a, b].map(
    (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  );
  let [both, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - meanA!, b[i]! - meanB!];
    both += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return both / Math.sqrt(squaresA * squaresB);
}

/** Fewest characters that must distinguish an orientation from upright. */
const FEWEST_CLASSES = 5;
/** Part of these that must fit better. */
const MOST = 2 / 3;
/** How much better they must fit on average, as a correlation. */
const CLEARLY = 0.15;
/** How well they must fit: 0.8 and more is usual; pictures of other things reach 0.5. */
const FITTING = 0.65;

/** Pictures that are judged together. */
interface Batch {
  /** For use in a sentence. */
  readonly name: string;
  readonly pictureOf: PictureOf;
  readonly labels: Uint16Array;
}

/**
 * Pictures of characters that are not upright, as in the files of EMNIST. Judges the classes of `train` whose names are
 * characters that the single-stroke fonts have, each source separately.
 */
export async function findOrientation(subject: Subject): Promise<Finding[]> {
  const { classes, preprocessing, recipe } = subject.manifest;
  const characters = classes.map((name) => ([...name].length === 1 ? name : undefined));
  const train = subject.splits.find(({ split }) => split === 'train');
  if (!train || characters.filter(Boolean).length < FEWEST_CLASSES) return [];
  const fonts = await loadFonts();
  return batchesOf(train).flatMap(({ name, pictureOf, labels }) => {
    const scores = scoreOrientations(pictureOf, labels, preprocessing, characters, fonts);
    const best = scores.filter(isClear).sort((a, b) => b.correlation - a.correlation)[0];
    return best ? [describe(best, name, recipe.transpose === true)] : [];
  });
}

function batchesOf(train: SubjectSplit): Batch[] {
  const sources = sourcesOf(train);
  const pictureOf = (index: number) => pictureAt(train.pictures, index);
  if (!sources) return [{ name: 'train', pictureOf, labels: train.labels }];
  return sources.names.map((name, source) => {
    const indices = [...sources.of.keys()].filter((i) => sources.of[i] === source);
    return {
      name: `"${name}"`,
      pictureOf: (at) => pictureOf(indices[at]!),
      labels: Uint16Array.from(indices, (i) => train.labels[i]!),
    };
  });
}

function isClear({ classes, better, correlation, upright }: OrientationScore): boolean {
  return (
    classes >= FEWEST_CLASSES &&
    better >= MOST * classes &&
    correlation >= Math.max(FITTING, upright + CLEARLY)
  );
}

function describe(score: OrientationScore, name: string, wasTransposed: boolean): Finding {
  const { orientation, correlation, upright, classes, better } = score;
  return {
    check: 'orientation',
    severity: 'error',
    message:
      `Pictures of ${name} are likely ${orientation}: ${better} of the ${classes} characters that show the orientation ` +
      `fit drawn characters better that way (correlation ${correlation.toFixed(2)}, upright ${upright.toFixed(2)}).`,
    suggestion: suggest(orientation, wasTransposed),
    samples: [],
  };
}

function suggest(orientation: OrientationScore['orientation'], wasTransposed: boolean): string {
  if (orientation !== 'transposed') return 'Turn the pictures upright before "roble data:import" reads them.';
  return wasTransposed
    ? 'Import them again without --transpose: the source is upright.'
    : 'Import them again with "roble data:import --transpose", as the files of EMNIST need.';
}
