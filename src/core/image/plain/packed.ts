import type { PaddedRaster, Raster } from './raster.js';

/** A picture without the bytes that mean nothing. */
export function packed(picture: Raster | PaddedRaster): Raster {
  if (picture.channels !== 4) return picture;
  const { pixels, width, height } = picture;
  const result = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < result.length; from += 4, to += 3) {
    result[to] = pixels[from]!;
    result[to + 1] = pixels[from + 1]!;
    result[to + 2] = pixels[from + 2]!;
  }
  return { pixels: result, width, height, channels: 3 };
}
