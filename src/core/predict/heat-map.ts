import type { PixelShape } from '../image/settings.js';
import { topClasses } from './top-predictions.js';

/** Most rows and columns of a heat map: each cell costs a prediction. */
export const MAX_GRID = 16;
export const DEFAULT_GRID = 10;

/** By how much the probability of a class falls when a place of the picture is covered. */
export interface HeatMap {
  /** The class, by its place in the list of classes. */
  readonly label: number;
  /** Of the class, for the whole picture, 0..1. */
  readonly probability: number;
  /** Rows from the top, each from the left; -1..1, below 0 where the class becomes more probable. */
  readonly falls: readonly (readonly number[])[];
}

export interface HeatMapOptions {
  /** Of the picture as the model sees it. */
  readonly shape: PixelShape;
  /** The class, by its place in the list of classes; by default the most probable one. */
  readonly label?: number | undefined;
  /** Rows and columns, 2..{@link MAX_GRID}; no more than the picture has pixels. */
  readonly grid: number;
  /** Covered pictures that are given to the model together. */
  readonly batchSize: number;
  /** float32 [classes] for each picture, uint8 [height, width, channels]. */
  readonly predict: (pictures: readonly Uint8Array[]) => Promise<readonly Float32Array[]>;
}

/**
 * What an answer stands on, by occlusion (Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2014):
 * a patch of one colour is slid over the picture, and where it covers what the answer stands on, the probability falls. It asks
 * nothing of the model but predictions.
 *
 * The patch is two cells high and wide, so that neighbours overlap, and lies in the middle of its cell; at the edges it is cut.
 * Its colour is the median of the picture, channel by channel: on a drawing it erases strokes, where a patch of the mean
 * would draw a grey square.
 *
 * @param pixels uint8 [height, width, channels]
 */
export async function heatMap(pixels: Uint8Array, options: HeatMapOptions): Promise<HeatMap> {
  const { shape, grid, batchSize, predict } = options;
  const whole = (await predict([pixels]))[0]!;
  const label = options.label ?? topClasses(whole, 1)[0]!;
  const probability = whole[label]!;
  const rows = Math.min(grid, shape.height);
  const columns = Math.min(grid, shape.width);
  const colour = medianColour(pixels, shape.channels);
  const places = Array.from({ length: rows * columns }, (_, cell) => ({
    row: Math.floor(cell / columns),
    vertical: patchAround(Math.floor(cell / columns), rows, shape.height),
    horizontal: patchAround(cell % columns, columns, shape.width),
  }));
  const falls: number[][] = Array.from({ length: rows }, () => []);
  for (let start = 0; start < places.length; start += batchSize) {
    const batch = places.slice(start, start + batchSize);
    const answers = await predict(batch.map((place) => cover(pixels, shape, place, colour)));
    for (const [i, { row }] of batch.entries()) falls[row]!.push(probability - answers[i]![label]!);
  }
  return { label, probability, falls };
}

/** From a first pixel to one after the last. */
type Span = readonly [start: number, end: number];

/** What the patch covers of one side; whole numbers are divided last, so that it is the same from either end. */
function patchAround(cell: number, cells: number, size: number): Span {
  const start = Math.floor(((2 * cell - 1) * size) / (2 * cells));
  const end = Math.ceil(((2 * cell + 3) * size) / (2 * cells));
  return [Math.max(0, start), Math.min(size, end)];
}

/** A copy of a picture with a rectangle of one colour. */
function cover(
  pixels: Uint8Array,
  { width, channels }: PixelShape,
  { vertical, horizontal }: { readonly vertical: Span; readonly horizontal: Span },
  colour: Uint8Array,
): Uint8Array {
  const covered = Uint8Array.from(pixels);
  for (let y = vertical[0]; y < vertical[1]; y++)
    for (let x = horizontal[0]; x < horizontal[1]; x++) covered.set(colour, (y * width + x) * channels);
  return covered;
}

/** The lower median of each channel. */
function medianColour(pixels: Uint8Array, channels: number): Uint8Array {
  const count = pixels.length / channels;
  return Uint8Array.from({ length: channels }, (_, channel) => {
    const frequencies = new Uint32Array(256);
    for (let i = channel; i < pixels.length; i += channels) frequencies[pixels[i]!]!++;
    let value = 0;
    for (let below = frequencies[0]!; below < count / 2; below += frequencies[value]!) value++;
    return value;
  });
}
