import { z } from 'zod';
import type { Augmenter, ImageView } from '../../core/plugin/index.js';
import { share } from './picture.js';

const parameters = z.strictObject({
  horizontal: share(1, 1, 'Share of the pictures that are mirrored left to right.'),
  vertical: share(1, 0, 'Share of the pictures that are mirrored upside down, as those from above may be.'),
});
type Parameters = z.output<typeof parameters>;

/** Mirrors the picture. A character or a word becomes another one, or none: the limits of characters forbid it. */
export const plugin: Augmenter<Parameters> = {
  name: 'flip',
  version: 1,
  description: 'Mirrors the picture.',
  parameters,
  apply(source, target, random, { horizontal, vertical }) {
    const isMirrored = random.float() < horizontal;
    const isUpsideDown = random.float() < vertical;
    mirror(source, target, isMirrored, isUpsideDown);
    return { horizontal: Number(isMirrored), vertical: Number(isUpsideDown) };
  },
};

function mirror(source: ImageView, target: ImageView, isMirrored: boolean, isUpsideDown: boolean): void {
  const { width, height, channels } = source;
  const stride = width * channels;
  for (let y = 0; y < height; y++) {
    const from = y * stride;
    const to = (isUpsideDown ? height - 1 - y : y) * stride;
    if (!isMirrored) target.data.set(source.data.subarray(from, from + stride), to);
    else if (channels === 3) mirrorColours(source.data, from, target.data, to, stride);
    else mirrorRow(source.data, from, target.data, to, stride, channels);
  }
}

/** @param from where the row begins in `data`, and `to` where in `out` */
function mirrorRow(
  data: Uint8Array,
  from: number,
  out: Uint8Array,
  to: number,
  stride: number,
  channels: number,
): void {
  for (let i = 0; i < stride; i++) {
    const c = i % channels;
    out[to + stride - channels - (i - c) + c] = data[from + i]!;
  }
}

/** The same of three channels, in less than half the time. */
function mirrorColours(data: Uint8Array, from: number, out: Uint8Array, to: number, stride: number): void {
  const end = (from + stride) | 0;
  let pixel = (to + stride - 3) | 0;
  for (let i = from | 0; i < end; i = (i + 3) | 0) {
    out[pixel] = data[i]!;
    out[(pixel + 1) | 0] = data[(i + 1) | 0]!;
    out[(pixel + 2) | 0] = data[(i + 2) | 0]!;
    pixel = (pixel - 3) | 0;
  }
}
