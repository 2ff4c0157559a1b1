import { z } from 'zod';

/**
 * How any picture becomes the pixels that a model sees. It is written into the data set and the model bundle, so
 * that import, training, `predict` and `serve` all do the same.
 */
export const preprocessingSchema = z.strictObject({
  width: z.int().min(1).max(4096).default(28).describe('Width in pixels of what the model sees.'),
  height: z.int().min(1).max(4096).default(28).describe('Height in pixels of what the model sees.'),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .default(1)
    .describe('1: grey, 3: red, green, blue.'),
  fit: z
    .enum(['contain', 'cover', 'fill'])
    .default('contain')
    .describe('contain: whole picture with a border; cover: cut to fill; fill: stretch.'),
  background: z
    .string()
    .regex(/^#[0-9a-fA-F]{6}$/, 'expected a colour such as "#000000"')
    .default('#000000')
    .describe('Colour of the border and behind transparent pixels, before inversion.'),
  invert: z
    .boolean()
    .default(false)
    .describe('Swap light and dark after everything else, for dark ink on light paper.'),
});

export type Preprocessing = z.output<typeof preprocessingSchema>;

/** The value of the paper in what a model sees: the luma (Rec. 601) of the background, after inversion. */
export function paperValue({ background, invert }: Preprocessing): number {
  const value = Number.parseInt(background.slice(1), 16);
  const luma = Math.round(0.299 * (value >> 16) + 0.587 * ((value >> 8) & 255) + 0.114 * (value & 255));
  return invert ? 255 - luma : luma;
}

/** Raw pixels: uint8, [height, width, channels]; channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha. */
export interface PixelShape {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
}
