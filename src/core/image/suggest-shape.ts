import { countOf, formatCount } from '../base/text/text.js';
import type { Preprocessing } from './settings.js';
import type { PictureSurvey } from './survey.js';

/** Sides that networks are usually made for. A larger one costs time, which colour is worth more than ink. */
const SIDES = [28, 32, 48, 64, 96];
const LARGEST_GREY = 64;
/** The side that networks for photographs have learned with, and the smallest picture that is worth it. */
export const PHOTOGRAPH_SIDE = 224;
const SMALLEST_PHOTOGRAPH = 96;
/** A picture that is longer than this, of its shorter side, loses more than a third when it is cut to a square. */
const LONGEST_CUT = 1.6;

/** The shape that pictures suggest. */
export interface ShapeSuggestion extends Preprocessing {
  /** Whether they are photographs, large enough for networks that have learned with others. */
  readonly isPhotograph: boolean;
}

/**
 * The shape that fits pictures. Photographs are cut to a square, since a border says nothing; but for long ones, and for things
 * cut out on a transparent ground, which would lose their ends.
 */
export function suggestShape({ look, isPhotograph, isTransparent, aspect }: PictureSurvey): ShapeSuggestion {
  const { width, height, isColour, isDarkOnLight } = look;
  const longer = Math.max(width, height);
  const isLargePhotograph = isPhotograph && longer >= SMALLEST_PHOTOGRAPH;
  const wanted = isColour || isPhotograph ? longer : Math.min(longer, LARGEST_GREY);
  const side = isLargePhotograph
    ? PHOTOGRAPH_SIDE
    : (SIDES.filter((one) => one <= wanted).at(-1) ?? SIDES[0]!);
  const invert = !isColour && !isPhotograph && isDarkOnLight;
  return {
    width: side,
    height: side,
    channels: isColour ? 3 : 1,
    fit: isPhotograph && !isTransparent && aspect <= LONGEST_CUT ? 'cover' : 'contain',
    background: invert || (isTransparent && isColour) ? '#ffffff' : '#000000',
    invert,
    isPhotograph: isLargePhotograph,
  };
}

/** What the pictures are like, in a line. */
export function describeSurvey({ count, perFolder, look, formats, isTransparent }: PictureSurvey): string {
  const counts = [...perFolder.values()];
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const kind = look.isColour
    ? 'in colour'
    : look.isDarkOnLight
      ? 'grey, dark on light'
      : 'grey, light on dark';
  const each = fewest === most ? formatCount(most) : `${formatCount(fewest)} to ${formatCount(most)}`;
  const parts = [
    `${countOf(count, 'picture')} of about ${look.width}x${look.height} pixels`,
    kind,
    ...(isTransparent ? ['transparent'] : []),
    ...(formats.length > 0 ? [formats.map(([name]) => name).join(' and ')] : []),
    `${each} in each of ${countOf(counts.length, 'folder')}`,
  ];
  return parts.join(', ');
}
