import { z } from 'zod';
import type { Augmenter, DrawnValues, ImageView, Random } from '../../core/plugin/index.js';
import { background, share } from './picture.js';

const parameters = z.strictObject({
  rectangle: share(1, 0.25, 'Largest side of an erased rectangle, as a share of the side of the picture.'),
  line: share(1, 0.07, 'Largest width of an erased line, as a share of the shorter side.'),
  background,
});
type Parameters = z.output<typeof parameters>;

/**
 * Erases a rectangle (Zhong and others, "Random erasing data augmentation", AAAI 2020) or, as often, a line across the
 * picture, as a fold or a scratch does.
 */
export const plugin: Augmenter<Parameters> = {
  name: 'occlusion',
  version: 1,
  description: 'Erases a rectangle or a line.',
  parameters,
  apply(source, target, random, { rectangle, line, background: paper }) {
    target.data.set(source.data);
    return random.float() < 0.5
      ? eraseRectangle(target, random, rectangle, paper)
      : eraseLine(target, random, line, paper);
  },
};

/** A rectangle of half to all of the largest size, anywhere inside. Gives its place and size in pixels. */
function eraseRectangle(target: ImageView, random: Random, most: number, paper: number): DrawnValues {
  const { width, height, channels, data } = target;
  const sideX = (most * width * random.uniform(0.5, 1) + 0.5) | 0;
  const sideY = (most * height * random.uniform(0.5, 1) + 0.5) | 0;
  const left = random.integer(width - sideX + 1);
  const top = random.integer(height - sideY + 1);
  for (let y = top; y < top + sideY; y++)
    data.fill(paper, (y * width + left) * channels, (y * width + left + sideX) * channels);
  return { left, top, width: sideX, height: sideY };
}

/** A line of half to all of the largest width through a point of the middle half. Gives them in pixels and degrees. */
function eraseLine(target: ImageView, random: Random, most: number, paper: number): DrawnValues {
  const { width, height, channels, data } = target;
  const lineWidth = most * Math.min(width, height) * random.uniform(0.5, 1);
  const angle = random.uniform(0, 180);
  const x0 = width * random.uniform(0.25, 0.75);
  const y0 = height * random.uniform(0.25, 0.75);
  const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  const values = { lineWidth, angle, x: x0, y: y0 };
  if (lineWidth === 0) return values;
  const reach = lineWidth / 2 + 0.5;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const distance = Math.abs((x + 0.5 - x0) * sin - (y + 0.5 - y0) * cos);
      const coverage = Math.min(lineWidth, reach - distance);
      if (coverage <= 0) continue;
      const weight = coverage >= 1 ? 256 : (coverage * 256 + 0.5) | 0;
      const start = (y * width + x) * channels;
      for (let i = start; i < start + channels; i++)
        data[i] = data[i]! + (((paper - data[i]!) * weight + 128) >> 8);
    }
  return values;
}
