import { type JpegHeader, readJpegHeader } from './jpeg-header.js';
import { chromaGrid, toPixels, upsampled } from './jpeg-planes.js';
import { type BlockSize, decodeScan } from './jpeg-scan.js';
import type { PlainFile } from './plain-file.js';
import type { Surface, Workspace } from './workspace.js';

/** Bytes of codes that are passed over in a microsecond, about. */
const BYTES_A_MICROSECOND = 400;
/** Microseconds, about, for each block of luma, with the chromas that belong to it, and for each pixel that it becomes. */
const BLOCK_WORK = 0.02;
const SAMPLE_WORK = 0.005;

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
    work: (shrink) =>
      bytes.length / BYTES_A_MICROSECOND +
      width * height * (BLOCK_WORK / 64 + SAMPLE_WORK / reductionFor(shrink) ** 2),
    decode: (space, shrink) => decode(space, file, header, reductionFor(shrink)),
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

function decode(
  space: Workspace,
  file: Uint8Array,
  header: JpegHeader,
  reduction: 1 | 2 | 4 | 8,
): Surface | undefined {
  const size = (8 / reduction) as BlockSize;
  const grid = chromaGrid(header, size);
  const sizes = header.components.map((_, i) => (i === 0 ? size : grid.size));
  const planes = decodeScan(space, file, header, sizes);
  if (!planes) return undefined;
  const [luma, blue, red] = planes as [Surface, Surface?, Surface?];
  // Rounded down: the last samples may lie outside the picture.
  const [width, height] = [Math.floor(header.width / reduction), Math.floor(header.height / reduction)];
  if (!blue || !red) return { ...luma, width, height };
  return toPixels(
    space,
    { ...luma, width, height },
    upsampled(space, blue, grid),
    upsampled(space, red, grid),
  );
}
