import type { ResolvedConv } from '../../../core/plugin/index.js';

/** The side lengths that every lowering needs. */
export interface ConvShapes {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
  readonly layer: ResolvedConv;
}

export function convShapes(layer: ResolvedConv, batch: number): ConvShapes {
  const [inChannels, height, width] = layer.input as readonly [number, number, number];
  const [outChannels, outHeight, outWidth] = layer.output as readonly [number, number, number];
  return { batch, inChannels, outChannels, input: [height, width], output: [outHeight, outWidth], layer };
}
