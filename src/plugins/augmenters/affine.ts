import { z } from 'zod';
import type { AugmenterFactory, ImageView, Random } from '../../core/plugin/index.js';
import { type Box, background, clipBox, inkBox, share } from './picture.js';
import { PIXEL, Resampler, type Resampling } from './resample.js';

const parameters = z.strictObject({
  rotation: z.number().min(0).max(180).default(10).describe('Largest angle, in degrees, either way.'),
  scale: share(4, 0.12, 'Largest change of size: 0.25 is from 1/1.25 to 1.25 times.'),
  aspect: share(4, 0.1, 'Largest change of width against height, likewise.'),
  shear: share(2, 0.15, 'Largest slant: the way to the side for each pixel of height, either way.'),
  shift: share(1, 0.06, 'Largest way along each side, as a share of it, either way.'),
  background,
});
type Parameters = z.output<typeof parameters>;

/**
 * Turns, scales, slants and shifts the picture about its middle in one resampling. Every value is uniform; those of
 * scale and aspect are on a logarithmic scale, so that larger is as likely as smaller.
 */
export const plugin: AugmenterFactory<Parameters> = {
  name: 'affine',
  version: 1,
  description: 'Rotates, scales, slants and shifts the picture.',
  parameters,
  create() {
    const resampler = new Resampler();
    return {
      apply(source, target, random, limits) {
        const values = drawValues(random, limits);
        move(resampler, source, target, values, limits.background);
        return values;
      },
    };
  },
};

function drawValues(random: Random, { rotation, scale, aspect, shear, shift }: Parameters) {
  return {
    rotation: rotation * signed(random),
    scale: (1 + scale) ** signed(random),
    aspect: (1 + aspect) ** signed(random),
    shear: shear * signed(random),
    shiftX: shift * signed(random),
    shiftY: shift * signed(random),
  };
}
type Values = ReturnType<typeof drawValues>;

/** Uniform in [-1, 1). */
const signed = (random: Random): number => random.uniform(-1, 1);

/** Scale, then slant, then rotation about the middle, then shift. */
function move(
  resampler: Resampler,
  source: ImageView,
  target: ImageView,
  values: Values,
  paper: number,
): void {
  const { width, height } = source;
  const angle = (values.rotation * Math.PI) / 180;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const scaleX = values.scale * Math.sqrt(values.aspect);
  const scaleY = values.scale / Math.sqrt(values.aspect);
  const matrix = {
    xByX: scaleX * cos,
    xByY: scaleY * (values.shear * cos - sin),
    yByX: scaleX * sin,
    yByY: scaleY * (values.shear * sin + cos),
    fromX: (width - 1) / 2,
    fromY: (height - 1) / 2,
    toX: (width - 1) / 2 + values.shiftX * width,
    toY: (height - 1) / 2 + values.shiftY * height,
  };
  const ink = inkBox(source, paper);
  resampleBy(resampler, matrix, { source, target, paper, ink, touched: boxAfter(matrix, ink, target) });
}

/** Where a pixel goes: its way from (fromX, fromY), multiplied, from (toX, toY). */
interface Matrix {
  readonly xByX: number;
  readonly xByY: number;
  readonly yByX: number;
  readonly yByY: number;
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
}

/** The pixels that a box's ink can reach; interpolation spreads it to the middle of the next pixel. */
function boxAfter(matrix: Matrix, { left, top, right, bottom }: Box, target: ImageView): Box {
  const halfX = (right - left + 1) / 2;
  const halfY = (bottom - top + 1) / 2;
  const x = (left + right - 1) / 2 - matrix.fromX;
  const y = (top + bottom - 1) / 2 - matrix.fromY;
  const reachX = Math.abs(matrix.xByX) * halfX + Math.abs(matrix.xByY) * halfY;
  const reachY = Math.abs(matrix.yByX) * halfX + Math.abs(matrix.yByY) * halfY;
  const middleX = matrix.toX + matrix.xByX * x + matrix.xByY * y;
  const middleY = matrix.toY + matrix.yByX * x + matrix.yByY * y;
  return clipBox(middleX - reachX, middleY - reachY, middleX + reachX + 1, middleY + reachY + 1, target);
}

/** Takes each pixel from where the inverse of the matrix has it. */
function resampleBy(resampler: Resampler, matrix: Matrix, work: Resampling): void {
  const { left, right } = work.touched;
  const perArea = PIXEL / (matrix.xByX * matrix.yByY - matrix.xByY * matrix.yByX);
  resampler.resample(work, (y, { xs, ys }) => {
    const stepX = matrix.yByY * perArea;
    const stepY = -matrix.yByX * perArea;
    const across = left - matrix.toX;
    const down = y - matrix.toY;
    let sx = PIXEL * matrix.fromX + stepX * across - matrix.xByY * perArea * down + 0.5;
    let sy = PIXEL * matrix.fromY + stepY * across + matrix.xByX * perArea * down + 0.5;
    for (let x = left; x < right; x++) {
      xs[x] = sx;
      ys[x] = sy;
      sx += stepX;
      sy += stepY;
    }
  });
}
