import { countOf, formatCount } from '../../core/base/text/text.js';
import type { ShapeSuggestion } from '../../core/image/suggest-shape.js';
import type { PictureSurvey, SurveyedFolder } from '../../core/image/survey.js';

/** What is suggested, and why, in a sentence or two. */
export function describeSuggestion({ isTransparent, aspect }: PictureSurvey, shape: ShapeSuggestion): string {
  const { width, height, channels, fit, background, invert, isPhotograph } = shape;
  const size = `suggested are ${width}x${height}, ${channels === 1 ? 'grey' : 'colour'}${invert ? ', inverted' : ''}.`;
  if (!isPhotograph) return size;
  const fitted =
    fit === 'cover' ? 'cut to a square (fit: cover)' : `whole, with a border (fit: contain, ${background})`;
  const why = isTransparent
    ? 'because they are cut out'
    : fit === 'cover'
      ? 'because most are nearly square'
      : `because one in ten is more than ${aspect.toFixed(1)} times as long as wide`;
  return `${size} They look like photographs: ${fitted}, ${why}; augmentation "photo".`;
}

/** Names of files that are told. */
const NAMED = 5;

/** Which files cannot be read, and why. */
export function describeUnreadable({ count, unreadable }: SurveyedFolder): string {
  const named = unreadable.slice(0, NAMED).map(({ path, reason }) => `${path}: ${reason.replace(/\.$/, '')}`);
  const more = unreadable.length > NAMED ? `; and ${formatCount(unreadable.length - NAMED)} more` : '';
  return `${formatCount(unreadable.length)} of ${countOf(count, 'picture')} cannot be read: ${named.join('; ')}${more}. The import leaves them out, and finds damages that this look does not.`;
}
