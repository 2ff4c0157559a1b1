import type { Preprocessing } from '../../image/settings.js';
import type { ImageView } from '../../plugin/contracts.js';
import { drawingOf, type PackedStrokes } from '../../image/strokes/packed.js';

/** Pictures of equal shape, one behind the other. */
interface Pictures {
  /** uint8, [count, height, width, channels]. */
  readonly images: Uint8Array;
  readonly strokes?: PackedStrokes | undefined;
}

/** One of them, with its strokes where it has some; nothing is copied. */
export function viewOf(
  { images, strokes }: Pictures,
  { width, height, channels }: Pick<Preprocessing, 'width' | 'height'> & { readonly channels: number },
  index: number,
): ImageView {
  const size = width * height * channels;
  const data = images.subarray(index * size, (index + 1) * size);
  return { width, height, channels, data, strokes: drawingOf(strokes, index) };
}
