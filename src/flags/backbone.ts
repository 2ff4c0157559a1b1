import * as Flags from '@oclif/core/flags';
import type { BackboneOverrides } from '../core/model/backbone/inspect-backbone.js';
import { NORMALIZATIONS, type NormalizationName } from '../core/model/backbone/normalization.js';
import { numbersFlag } from './values.js';

/** What is said of a backbone that its file does not say. */
export const backboneFlags = {
  layout: Flags.option({
    options: ['NCHW', 'NHWC'] as const,
    description: 'Order of the sides of its input, where the file does not say it.',
  })(),
  height: Flags.integer({ description: 'Height of the pictures, for a network that takes any.', min: 1 }),
  width: Flags.integer({ description: 'Width of the pictures, for a network that takes any.', min: 1 }),
  normalization: Flags.option({
    options: Object.keys(NORMALIZATIONS) as NormalizationName[],
    description: 'How it wants the values of pictures, where the file does not say it; none: 0..255.',
  })(),
  mean: numbersFlag({
    helpValue: 'R,G,B',
    description: 'Instead: what is taken from values of 0..1, by channel.',
    dependsOn: ['deviation'],
    exclusive: ['normalization'],
  }),
  deviation: numbersFlag({
    helpValue: 'R,G,B',
    description: 'Instead: what they are then divided by.',
    dependsOn: ['mean'],
    exclusive: ['normalization'],
  }),
  output: Flags.string({
    description: 'Which value of the graph is the features, where it is not the only output.',
  }),
};

interface BackboneFlagValues extends Omit<BackboneOverrides, 'normalization'> {
  readonly normalization?: NormalizationName | undefined;
  readonly mean?: readonly number[] | undefined;
  readonly deviation?: readonly number[] | undefined;
}

export function backboneOverrides(flags: BackboneFlagValues): BackboneOverrides {
  const { layout, height, width, output, normalization, mean, deviation } = flags;
  return {
    layout,
    height,
    width,
    output,
    normalization: mean && deviation ? { mean, deviation } : normalization,
  };
}
