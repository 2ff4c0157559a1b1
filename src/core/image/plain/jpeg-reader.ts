import { type JpegHeader, readJpegHeader } from './jpeg-header.js';
import type { BlockSize } from './jpeg-idct.js';
import { chromaGrid, cropped, toPixels, upsampled } from './jpeg-planes.js';
import { decodeScan, type Plane } from './jpeg-scan.js';
import type { PlainFile } from './plain-file.js';
import type { Raster } from './raster.js';

/**
 * Reads a plain JPEG; see {@link readJpegHeader}. Its pixels are those of libjpeg, which can decode at a half, a quarter or an
 * eighth of the size.
 *
 * @returns undefined for every other file
 */
export function readJpeg(bytes: Uint8Array): PlainFile | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readJpegHeader(file);
  if (!header) return undefined;
  const { width, height, orientation } = header;
  return {
    width,
    height,
    orientation,
    // The codes, the samples, and eight for each block, however little is in it: 150 in a microsecond.
    work: (shrink) => (bytes.length + width * height * (3 / reductionFor(shrink) ** 2 + 1 / 8)) / 150,
    decode(space, shrink) {
      const picture = decode(file, header, reductionFor(shrink));
      return picture && space.place(picture.pixels, picture);
    },
  };
}

/**
 * How much smaller sharp has libjpeg decode: the power of two below, or the one before it if the whole part of the shrinking is
 * just that power.
 */
function reductionFor(shrink: number): 1 | 2 | 4 | 8 {
  const reduction = shrink >= 8 ? 8 : shrink >= 4 ? 4 : shrink >= 2 ? 2 : 1;
  if (reduction > 1 && Math.trunc(shrink) === reduction) return (reduction / 2) as 1 | 2 | 4;
  return reduction;
}

function decode(file: Buffer, header: JpegHeader, reduction: 1 | 2 | 4 | 8): Raster | undefined {
  const size = (8 / reduction) as BlockSize;
  const grid = chromaGrid(header, size);
  const sizes = header.components.map((_, i) => (i === 0 ? size : grid.size));
  const planes = decodeScan(file, header, sizes);
  if (!planes) return undefined;
  // Rounded down: the last samples may lie outside the picture.
  const [width, height] = [Math.floor(header.width / reduction), Math.floor(header.height / reduction)];
  const [luma, blue, red] = planes as [Plane, Plane?, Plane?];
  if (!blue || !red) return { pixels: cropped(luma, width, height), width, height, channels: 1 };
  const pixels = toPixels(luma, upsampled(blue, grid), upsampled(red, grid), width, height);
  return { pixels, width, height, channels: 3 };
}
