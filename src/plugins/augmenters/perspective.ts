import { z } from 'zod';
import type { AugmenterFactory, ImageView, Random } from '../../core/plugin/index.js';
import { background, inkBox, share } from './picture.js';
import { PIXEL, Resampler } from './resample.js';

const parameters = z.strictObject({
  shift: share(0.3, 0.08, 'Largest way of each corner, as a share of each side.'),
  background,
});
type Parameters = z.output<typeof parameters>;

/** Looks at the picture from an angle: each corner moves on its own. */
export const plugin: AugmenterFactory<Parameters> = {
  name: 'perspective',
  version: 1,
  description: 'Tilts the picture, as a camera that is not held straight.',
  parameters,
  create() {
    const resampler = new Resampler();
    return {
      apply(source, target, random, { shift, background: paper }) {
        const corners = drawCorners(random, shift);
        project(resampler, source, target, corners, paper);
        return corners;
      },
    };
  },
};

function drawCorners(random: Random, most: number) {
  const signed = () => random.uniform(-most, most);
  return {
    leftTopX: signed(),
    leftTopY: signed(),
    rightTopX: signed(),
    rightTopY: signed(),
    rightBottomX: signed(),
    rightBottomY: signed(),
    leftBottomX: signed(),
    leftBottomY: signed(),
  };
}
type Corners = ReturnType<typeof drawCorners>;

/**
 * Takes each pixel from where the projection of the unit square onto the moved corners has it (Heckbert, "Fundamentals
 * of Texture Mapping and Image Warping", 1989, section 2.2.3).
 */
function project(
  resampler: Resampler,
  source: ImageView,
  target: ImageView,
  corners: Corners,
  paper: number,
): void {
  const { width, height } = source;
  const [x0, y0] = [corners.leftTopX, corners.leftTopY];
  const [x1, y1] = [1 + corners.rightTopX, corners.rightTopY];
  const [x2, y2] = [1 + corners.rightBottomX, 1 + corners.rightBottomY];
  const [x3, y3] = [corners.leftBottomX, 1 + corners.leftBottomY];
  const [sumX, sumY] = [x0 - x1 + x2 - x3, y0 - y1 + y2 - y3];
  const determinant = (x1 - x2) * (y3 - y2) - (x3 - x2) * (y1 - y2);
  const g = (sumX * (y3 - y2) - (x3 - x2) * sumY) / determinant;
  const h = ((x1 - x2) * sumY - sumX * (y1 - y2)) / determinant;
  const [a, b] = [x1 - x0 + g * x1, x3 - x0 + h * x3];
  const [d, e] = [y1 - y0 + g * y1, y3 - y0 + h * y3];
  const touched = { left: 0, top: 0, right: width, bottom: height };
  resampler.resample({ source, target, paper, ink: inkBox(source, paper), touched }, (y, { xs, ys }) => {
    const v = (y + 0.5) / height;
    for (let x = 0; x < width; x++) {
      const u = (x + 0.5) / width;
      const scale = 1 / (g * u + h * v + 1);
      xs[x] = PIXEL * (width * (a * u + b * v + x0) * scale - 0.5) + 0.5;
      ys[x] = PIXEL * (height * (d * u + e * v + y0) * scale - 0.5) + 0.5;
    }
  });
}
