import { join } from 'node:path';
import { readPlainFile } from '../base/storage/read-file.js';
import { countOf } from '../base/text.js';
import { findPictures } from './find-pictures.js';
import { type CommonLook, commonLook, type Look, lookAt } from './look-at-pictures.js';

/** Pictures that are looked at, evenly over a folder. */
const LOOKS = 60;
/** Sides that networks are usually made for; a larger one costs time, and colour is worth more of it than ink. */
const SIDES = [28, 32, 48, 64, 96];
const LARGEST_GREY = 64;

/** What a folder of pictures suggests, and why. */
export interface ShapeSuggestion {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly invert: boolean;
  /** In words: what the pictures are. */
  readonly reason: string;
}

/** Looks at the pictures below a folder; undefined where it holds none. */
export async function suggestShape(folder: string): Promise<ShapeSuggestion | undefined> {
  const { pictures } = await findPictures(folder);
  const step = Math.max(1, pictures.length / LOOKS);
  const looks: Look[] = [];
  for (let i = 0; i < pictures.length; i += step) {
    const bytes = await readPlainFile(join(folder, pictures[Math.floor(i)]!)).catch(() => undefined);
    const look = bytes && (await lookAt(bytes));
    if (look) looks.push(look);
  }
  const common = commonLook(looks);
  return common && { ...shapeFor(common), reason: describe(pictures, common) };
}

function shapeFor({ width, height, isColour, isDarkOnLight }: CommonLook) {
  const wanted = Math.min(Math.max(width, height), isColour ? Number.POSITIVE_INFINITY : LARGEST_GREY);
  const side = SIDES.filter((one) => one <= wanted).at(-1) ?? SIDES[0]!;
  return {
    width: side,
    height: side,
    channels: isColour ? (3 as const) : (1 as const),
    invert: !isColour && isDarkOnLight,
  };
}

function describe(pictures: readonly string[], look: CommonLook): string {
  const perFolder = new Map<string, number>();
  for (const path of pictures) {
    const folder = path.split('/').slice(0, -1).join('/');
    perFolder.set(folder, (perFolder.get(folder) ?? 0) + 1);
  }
  const counts = [...perFolder.values()];
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const size = `of about ${look.width}x${look.height} pixels`;
  const kind = look.isColour
    ? 'in colour'
    : look.isDarkOnLight
      ? 'grey, dark on light'
      : 'grey, light on dark';
  const each = fewest === most ? String(most) : `${fewest} to ${most}`;
  return `${countOf(pictures.length, 'picture')} ${size}, ${kind}, ${each} in each of ${countOf(counts.length, 'folder')}`;
}
