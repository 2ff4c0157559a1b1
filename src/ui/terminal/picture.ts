import { tile } from '../../core/image/contact-sheet.js';
import type { Preprocessing } from '../../core/image/settings.js';
import { hasColors, type Terminal } from './style.js';

type Shape = Pick<Preprocessing, 'width' | 'height' | 'channels'>;

export interface TerminalPictureOptions {
  /** Colours of 24 bits; without them, characters of different density stand for the brightness. */
  readonly color: boolean;
  /** Columns that there are; a wider picture is made smaller. Default 80. */
  readonly maxColumns?: number;
}

/** Pictures of one width that fit side by side on a terminal, with a column between them. */
export function picturesInRow(width: number, { columns = 80 }: Terminal): number {
  return Math.floor((columns - 1) / (width + 1));
}

/**
 * Pictures in rows, as text for a terminal.
 *
 * @param pictures uint8, [height, width, channels] each; undefined leaves a place empty
 * @param inRow pictures in a row
 */
export function pictureRows(
  pictures: readonly (Uint8Array | undefined)[],
  shape: Shape,
  inRow: number,
  stream: Terminal,
  env: NodeJS.ProcessEnv,
): string {
  const sheet = tile(pictures, shape, inRow, 1);
  return terminalPicture(
    sheet.pixels,
    { ...sheet, channels: shape.channels },
    { color: hasColors(stream, env), maxColumns: stream.columns ?? 80 },
  );
}

/** From dark to light, for a terminal with light text on a dark ground. */
const DENSITY = ' .:-=+*#%@';

/**
 * A picture as text, two pixels in a character, one above the other.
 *
 * @param pixels uint8, [height, width, channels]
 * @returns lines without a line break at the end
 */
export function terminalPicture(
  pixels: Uint8Array,
  shape: Shape,
  { color, maxColumns = 80 }: TerminalPictureOptions,
): string {
  const { at, width, height } = shrink(pixels, shape, maxColumns);
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = '';
    for (let x = 0; x < width; x++) {
      const upper = at(x, y);
      const lower = y + 1 < height ? at(x, y + 1) : undefined;
      line += color ? halfBlock(upper, lower) : density(upper, lower ?? upper);
    }
    lines.push(color ? `${line}\u001b[0m` : line.trimEnd());
  }
  return lines.join('\n');
}

type Rgb = readonly [number, number, number];

/** The picture, averaged over whole blocks of pixels until it is narrow enough. */
function shrink(pixels: Uint8Array, { width, height, channels }: Shape, maxColumns: number) {
  const step = Math.max(1, Math.ceil(width / maxColumns));
  const at = (x: number, y: number): Rgb => {
    const sum = [0, 0, 0];
    let count = 0;
    for (let v = y * step; v < Math.min(height, (y + 1) * step); v++)
      for (let u = x * step; u < Math.min(width, (x + 1) * step); u++, count++)
        for (let c = 0; c < 3; c++) sum[c]! += pixels[(v * width + u) * channels + (channels === 3 ? c : 0)]!;
    return [Math.round(sum[0]! / count), Math.round(sum[1]! / count), Math.round(sum[2]! / count)];
  };
  return { at, width: Math.ceil(width / step), height: Math.ceil(height / step) };
}

/** The upper half block: its own colour above, the background's below. */
function halfBlock(upper: Rgb, lower: Rgb | undefined): string {
  const ground = lower ? `\u001b[48;2;${lower.join(';')}m` : '\u001b[49m';
  return `\u001b[38;2;${upper.join(';')}m${ground}\u2580`;
}

function density(upper: Rgb, lower: Rgb): string {
  const brightness = (sum(upper) + sum(lower)) / 6;
  return DENSITY[Math.min(DENSITY.length - 1, Math.floor((brightness / 256) * DENSITY.length))]!;
}

const sum = ([r, g, b]: Rgb): number => r + g + b;
