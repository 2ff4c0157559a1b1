import type { Stroke } from '../../image/strokes/rasterize.js';
import type { PixelShape } from '../../image/preprocess.js';

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
