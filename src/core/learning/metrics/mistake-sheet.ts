import { contactSheet } from '../../image/contact-sheet.js';
import type { Preprocessing } from '../../image/settings.js';

const COLUMNS = 6;
/** Pictures are enlarged to about this many pixels on a side. */
const SIDE = 84;

/**
 * The pictures of mistakes as a PNG, six in a row, in the order of their list.
 *
 * @param pictures uint8, [height, width, channels] each, one at least
 */
export function mistakeSheet(
  pictures: readonly Uint8Array[],
  shape: Pick<Preprocessing, 'width' | 'height' | 'channels'>,
): Promise<Buffer> {
  const columns = Math.min(COLUMNS, pictures.length);
  const zoom = Math.max(Math.round(SIDE / Math.max(shape.width, shape.height)), 1);
  return contactSheet(pictures, shape, { columns, zoom });
}
