import type { SplitName } from '../dataset/format.js';
import { pictureAt } from '../dataset/pictures.js';
import { centroid, findInk, fullInk, type PictureOf, type PictureShape } from '../similarity/ink.js';
import type { Subject } from './subject.js';

/** The measures of a picture, with their names in reports and their units. */
export const STATISTICS = {
  ground: { title: 'ground level', unit: 'level' },
  contrast: { title: 'contrast', unit: 'level' },
  ink: { title: 'amount of ink', unit: 'share' },
  strokeWidth: { title: 'stroke width', unit: 'pixels' },
  boxWidth: { title: 'width of the ink', unit: 'share' },
  boxHeight: { title: 'height of the ink', unit: 'share' },
  centreX: { title: 'horizontal position', unit: 'share' },
  centreY: { title: 'vertical position', unit: 'share' },
} as const;
export type StatisticName = keyof typeof STATISTICS;
export const STATISTIC_NAMES = Object.keys(STATISTICS) as StatisticName[];

/**
 * Measures of many pictures, float32 [count] each. For a picture without ink all except `ground` are 0.
 *
 * `ground`: the paper, 0..255. `contrast`: how far the ink is from it, 0..255. `ink`: share of the picture that is
 * covered. `strokeWidth`: pixels. `boxWidth`, `boxHeight`: of the smallest upright box around the ink, as shares of the
 * picture. `centreX`, `centreY`: the centroid of the ink from the middle of the picture, as shares of its sides, to the
 * right and down.
 */
export type PictureStatistics = Readonly<Record<StatisticName, Float32Array>>;

/** The measures of each split. */
export type SubjectStatistics = ReadonlyMap<SplitName, PictureStatistics>;

/** Measures all pictures, once for all checks. */
export function measureSubject({ manifest, splits }: Subject): SubjectStatistics {
  return new Map(
    splits.map(({ split, pictures, count }) => [
      split,
      measurePictures((index) => pictureAt(pictures, index), count, manifest.preprocessing),
    ]),
  );
}

/** A value of a statistic for people, such as `2.1 pixels` or `34 %`. */
export function formatStatistic(name: StatisticName, value: number): string {
  const { unit } = STATISTICS[name];
  // Adding 0 turns -0 into 0.
  if (unit === 'share') return `${Math.round(100 * value) + 0} %`;
  return unit === 'pixels' ? `${value.toFixed(1)} pixels` : value.toFixed(0);
}

/**
 * Measures pictures of one or three channels, on dark or light ground.
 *
 * @example
 * const { strokeWidth } = measurePictures(picturesIn(images, preprocessing), count, preprocessing);
 */
export function measurePictures(pictureOf: PictureOf, count: number, shape: PictureShape): PictureStatistics {
  const columns = Object.fromEntries(STATISTIC_NAMES.map((name) => [name, new Float32Array(count)]));
  const statistics = columns as Record<StatisticName, Float32Array>;
  const ink = new Float32Array(shape.width * shape.height);
  for (let i = 0; i < count; i++) measurePicture(pictureOf(i), shape, ink, statistics, i);
  return statistics;
}

function measurePicture(
  picture: Uint8Array,
  shape: PictureShape,
  ink: Float32Array,
  statistics: Record<StatisticName, Float32Array>,
  at: number,
): void {
  const { width, height } = shape;
  const levels = findInk(picture, shape, ink);
  statistics.ground[at] = levels.ground;
  if (levels.contrast === 0) return;
  const full = fullInk(levels);
  const { x, y, total } = centroid(ink, width);
  const box = inkBox(ink, width, full / 2);
  statistics.contrast[at] = levels.contrast;
  statistics.ink[at] = total / full / ink.length;
  statistics.strokeWidth[at] = (2 * total) / outline(ink, width, height);
  statistics.boxWidth[at] = box.width / width;
  statistics.boxHeight[at] = box.height / height;
  statistics.centreX[at] = (x + 0.5) / width - 0.5;
  statistics.centreY[at] = (y + 0.5) / height - 0.5;
}

function inkBox(ink: Float32Array, pictureWidth: number, threshold: number) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < ink.length; i++) {
    if (ink[i]! < threshold) continue;
    const x = i % pictureWidth;
    const y = (i - x) / pictureWidth;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return { width: right - left + 1, height: bottom - top + 1 };
}

/**
 * The length of the ink's outline in pixels, times the value of full ink: the sum of the gradient's length over the
 * picture, which is the mean length of all its contours (the coarea formula, Fleming and Rishel 1960). A line of width w
 * and length l covers w l and has an outline of about 2 l, so that twice the area by the outline is its width. It needs
 * no threshold, which would make lines of a pixel or two thicker or thinner. Outside the picture there is no ink.
 */
function outline(ink: Float32Array, width: number, height: number): number {
  let sum = 0;
  for (let y = -1; y < height; y++)
    for (let x = -1; x < width; x++) {
      const here = x < 0 || y < 0 ? 0 : ink[y * width + x]!;
      const right = x + 1 === width || y < 0 ? 0 : ink[y * width + x + 1]!;
      const below = y + 1 === height || x < 0 ? 0 : ink[(y + 1) * width + x]!;
      if (here === right && here === below) continue;
      sum += Math.sqrt((right - here) ** 2 + (below - here) ** 2);
    }
  return sum;
}
