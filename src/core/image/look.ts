import { decoderInput } from './decode.js';
import { swapsSides } from './plain/orient.js';
import { plainToModel, readPlainPicture } from './plain/plain-picture.js';
import { DEFAULT_MAX_PIXELS } from './preprocess.js';
import type { Preprocessing } from './settings.js';

/** What a picture looks like, for people who have to choose a shape for it. */
export interface Look {
  /** After it was turned as EXIF says. */
  readonly width: number;
  readonly height: number;
  readonly isColour: boolean;
  /** Whether its edge is light, as paper is, and something in it is much darker. */
  readonly isDarkOnLight: boolean;
}

/** What several pictures look like in common. */
export interface CommonLook extends Look {
  /** How many were looked at. */
  readonly count: number;
}

const SIDE = 32;
/** A small copy of a picture, on paper where it is transparent. */
const SMALL: Preprocessing = {
  width: SIDE,
  height: SIDE,
  channels: 3,
  fit: 'fill',
  background: '#ffffff',
  invert: false,
};
/** Smallest mean difference of the channels of a picture that is in colour, and not only stored as colour. */
const COLOUR = 8;
const LIGHT_EDGE = 150;
const CONTRAST = 60;

/** What an encoded picture looks like; undefined for one that cannot be decoded. */
export async function lookAt(encoded: Uint8Array): Promise<Look | undefined> {
  return lookAtPlain(encoded) ?? lookAtAny(encoded);
}

/** The same of a plain picture, without the general decoder, which takes a while to load; undefined for any other. */
export function lookAtPlain(encoded: Uint8Array): Look | undefined {
  const file = readPlainPicture(encoded);
  const picture = file && plainToModel(file, SMALL);
  if (!picture) return undefined;
  const { width, height, orientation } = file;
  const size = swapsSides(orientation) ? { width: height, height: width } : { width, height };
  return { ...size, ...judge(picture.pixels) };
}

/** The same of any picture. */
export async function lookAtAny(encoded: Uint8Array): Promise<Look | undefined> {
  const { default: sharp } = await import('sharp');
  try {
    const picture = sharp(encoded, decoderInput(DEFAULT_MAX_PIXELS)).autoOrient();
    const { autoOrient: size } = await picture.metadata();
    const { data } = await picture
      .flatten({ background: SMALL.background })
      .resize({ width: SIDE, height: SIDE, fit: SMALL.fit })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { ...size, ...judge(data) };
  } catch {
    return undefined;
  }
}

/** @param pixels uint8, [SIDE, SIDE, 3] */
function judge(pixels: Uint8Array): Pick<Look, 'isColour' | 'isDarkOnLight'> {
  let spread = 0;
  let edge = 0;
  let edgeCount = 0;
  let darkest = 255;
  for (let i = 0; i < SIDE * SIDE; i++) {
    const [r, g, b] = pixels.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
    const grey = (r + g + b) / 3;
    spread += Math.max(r, g, b) - Math.min(r, g, b);
    darkest = Math.min(darkest, grey);
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    if (x > 0 && x < SIDE - 1 && y > 0 && y < SIDE - 1) continue;
    edge += grey;
    edgeCount += 1;
  }
  return {
    isColour: spread / (SIDE * SIDE) >= COLOUR,
    isDarkOnLight: edge / edgeCount >= LIGHT_EDGE && edge / edgeCount - darkest >= CONTRAST,
  };
}

/** The median size, and the properties of most of the pictures; undefined for no picture. */
export function commonLook(looks: readonly Look[]): CommonLook | undefined {
  if (looks.length === 0) return undefined;
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
  const most = (is: (look: Look) => boolean) => 2 * looks.filter(is).length > looks.length;
  return {
    count: looks.length,
    width: median(looks.map(({ width }) => width)),
    height: median(looks.map(({ height }) => height)),
    isColour: most(({ isColour }) => isColour),
    isDarkOnLight: most(({ isDarkOnLight }) => isDarkOnLight),
  };
}
