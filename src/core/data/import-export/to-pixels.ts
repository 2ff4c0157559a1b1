import { bytesOf } from '../../base/storage/read-file.js';
import {
  type PreparedImage,
  type PreprocessOptions,
  prepareImage,
  preprocessPixels,
} from '../../image/preprocess.js';
import type { PixelShape, Preprocessing } from '../../image/settings.js';
import { pictureOfDrawing } from '../../image/strokes/drawing.js';
import type { Stroke } from '../../image/strokes/rasterize.js';
import type { PreparedSample } from '../dataset/write.js';
import type { Picture } from '../formats/source.js';

export interface PixelOptions extends PreprocessOptions {
  readonly preprocessing: Preprocessing;
}

export type ConvertedPicture = PreparedImage & Pick<PreparedSample, 'strokes'>;

/**
 * A picture of a source as the pixels that a model sees, with its strokes if it was drawn from some.
 *
 * @throws {RobleError} those of {@link prepareImage}, of {@link preprocessPixels} and of reading the picture
 */
export async function toPixels(
  picture: Picture,
  { preprocessing, maxPixels, limitName, transpose = false }: PixelOptions,
): Promise<ConvertedPicture> {
  switch (picture.kind) {
    case 'encoded': {
      return prepareImage(await bytesOf(picture.from), preprocessing, { maxPixels, limitName, transpose });
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
