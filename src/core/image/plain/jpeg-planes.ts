import type { JpegHeader } from './jpeg-header.js';
import type { BlockSize } from './jpeg-scan.js';
import { area, type Surface, type Workspace } from './workspace.js';

/** How the samples of the chromas lie among those of the luma. */
export interface ChromaGrid {
  /** Samples on a side of a block. */
  readonly size: BlockSize;
  /** Pixels for each sample, across and down. */
  readonly across: 1 | 2;
  readonly down: 1 | 2;
  /** Samples that belong to the picture. */
  readonly width: number;
  readonly height: number;
  /** Whether the samples between are interpolated; else they are repeated. */
  readonly isFancy: boolean;
}

/**
 * The chromas as libjpeg decodes them: where they have half the samples across and down, their blocks are made twice as large as
 * those of the luma, if they can be.
 *
 * @param size of a block of luma
 */
export function chromaGrid({ width, height, components }: JpegHeader, size: BlockSize): ChromaGrid {
  const { h, v } = components[0]!;
  const isEnlarged = h === 2 && v === 2 && size < 8;
  const chromaSize = isEnlarged ? ((2 * size) as BlockSize) : size;
  return {
    size: chromaSize,
    across: isEnlarged || h === 1 ? 1 : 2,
    down: isEnlarged || v === 1 ? 1 : 2,
    width: Math.ceil((width * chromaSize) / (h * 8)),
    height: Math.ceil((height * chromaSize) / (v * 8)),
    isFancy: size > 1,
  };
}

/**
 * A sample of chroma for each pixel, as in libjpeg: a triangular filter, or the same sample again for what is too small or has
 * no rows beside it.
 *
 * @param plane with samples beyond the picture
 */
export function upsampled(space: Workspace, plane: Surface, grid: ChromaGrid): Surface {
  const { across, down, width, height, isFancy } = grid;
  if (across === 1 && down === 1) return plane;
  const result = space.surface(width * across, height * down, 1);
  const from = area({ ...plane, width, height });
  if (isFancy && (across === 1 || width > 2))
    space.kernels.upsample(...from, across, down, space.allocate(4 * (width + 2)), result.at);
  else space.kernels.repeat(...from, across, down, result.at);
  return result;
}

/** Luma and chromas as red, green and blue, of the size of the luma. */
export function toPixels(space: Workspace, luma: Surface, blue: Surface, red: Surface): Surface {
  const { width, height } = luma;
  const result = space.surface(width, height, 3);
  const planes = [luma.at, luma.pitch, blue.at, blue.pitch, red.at, red.pitch] as const;
  space.kernels.toPixels(...planes, width, height, result.at);
  return result;
}
