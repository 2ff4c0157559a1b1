import type { ResolvedConv } from '../../../core/plugin/index.js';
import type { ForwardLowering, InputGradientLowering, WeightGradientLowering } from './convolution.js';

/** The lowerings that a convolution can take; the first of each is the one to take where none is measured. */
export interface ConvCandidates {
  readonly forward: readonly ForwardLowering[];
  readonly inputGradient: readonly InputGradientLowering[];
  readonly weightGradient: readonly WeightGradientLowering[];
}

/**
 * What a convolution's shape allows. The blocked layout needs whole blocks of channels, and for the weight gradient,
 * where the batch plays the channels, whole blocks of samples; turning kernels needs stride 1.
 */
export function convCandidates(
  { window, input, output }: ResolvedConv,
  batch: number,
  blockSize: number,
): ConvCandidates {
  const fits = (channels: number) => blockSize > 0 && channels % blockSize === 0;
  const unitStride = window.stride.every((side) => side === 1);
  const [into, out] = [fits(input[0]), fits(output[0])];
  const wholeSamples = unitStride && fits(batch);
  return {
    forward: into && out ? ['blocked', 'plain'] : ['plain'],
    inputGradient: !unitStride ? ['transposed'] : into && out ? ['blocked', 'flipped'] : ['flipped'],
    weightGradient: [
      ...(wholeSamples && out ? (['blocked'] as const) : []),
      'im2col',
      ...(wholeSamples && into ? (['blockedSwapped'] as const) : []),
    ],
  };
}
