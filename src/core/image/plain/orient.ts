import type { Orientation } from './exif.js';
import type { Raster } from './raster.js';

/** Whether the sides of a picture change places when it is turned as it is seen. */
export function swapsSides(orientation: Orientation): boolean {
  return orientation >= 5;
}

/** A picture as it is seen, of one as the camera stored it. */
export function oriented(picture: Raster, orientation: Orientation): Raster {
  if (orientation === 1) return picture;
  const { pixels, channels } = picture;
  const isSwapped = swapsSides(orientation);
  const [width, height] = isSwapped ? [picture.height, picture.width] : [picture.width, picture.height];
  // Which of the stored sides runs backwards.
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const result = new Uint8Array(pixels.length);
  let to = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [storedX, storedY] = isSwapped ? [y, x] : [x, y];
      const column = fromRight ? picture.width - 1 - storedX : storedX;
      const row = fromBottom ? picture.height - 1 - storedY : storedY;
      const from = (row * picture.width + column) * channels;
      for (let c = 0; c < channels; c++) result[to++] = pixels[from + c]!;
    }
  return { pixels: result, width, height, channels };
}
