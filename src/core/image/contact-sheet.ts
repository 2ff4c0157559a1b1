import type { Preprocessing } from './settings.js';

type Shape = Pick<Preprocessing, 'width' | 'height' | 'channels'>;

export interface ContactSheetOptions {
  /** Pictures in a row. */
  readonly columns: number;
  /** Pixels between pictures; default 2. */
  readonly gap?: number;
  /** Whole number by which every picture is enlarged; default 1. */
  readonly zoom?: number;
}

/** Longest side of pictures that are too small for people to see. */
const SMALL = 48;

/** The zoom of pictures in a report. */
export function reportZoom({ width, height }: Pick<Shape, 'width' | 'height'>): number {
  return Math.max(width, height) <= SMALL ? 2 : 1;
}

/**
 * Pictures side by side, row by row, as a PNG.
 *
 * @param pictures uint8, [height, width, channels] each; `undefined` leaves a gap
 */
export async function contactSheet(
  pictures: readonly (Uint8Array | undefined)[],
  shape: Shape,
  { columns, gap = 2, zoom = 1 }: ContactSheetOptions,
): Promise<Buffer> {
  const { pixels, width, height } = tile(pictures, shape, columns, gap);
  const { default: sharp } = await import('sharp');
  return sharp(pixels, { raw: { width, height, channels: shape.channels } })
    .resize({ width: width * zoom, height: height * zoom, kernel: 'nearest' })
    .png()
    .toBuffer();
}

/** Pictures in one large picture of the same channels, on mid grey so that dark and light borders both show. */
export function tile(
  pictures: readonly (Uint8Array | undefined)[],
  { width, height, channels }: Shape,
  columns: number,
  gap: number,
): { pixels: Uint8Array; width: number; height: number } {
  const rows = Math.ceil(pictures.length / columns);
  const sheetWidth = columns * (width + gap) + gap;
  const sheetHeight = rows * (height + gap) + gap;
  const pixels = new Uint8Array(sheetWidth * sheetHeight * channels).fill(96);
  for (const [i, picture] of pictures.entries()) {
    if (!picture) continue;
    const left = gap + (i % columns) * (width + gap);
    const top = gap + Math.floor(i / columns) * (height + gap);
    for (let y = 0; y < height; y++)
      pixels.set(
        picture.subarray(y * width * channels, (y + 1) * width * channels),
        ((top + y) * sheetWidth + left) * channels,
      );
  }
  return { pixels, width: sheetWidth, height: sheetHeight };
}
