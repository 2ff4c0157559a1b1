import * as Flags from '@oclif/core/flags';
import type { Overrides } from '../core/base/schema/merge.js';
import { STRATEGY_NAMES } from '../core/data/augment/settings.js';
import { numberFlag } from './values.js';

/** Flags of the commands that convert pictures; they win over `image` of the configuration. */
export const imageFlags = {
  width: Flags.integer({ min: 1, helpGroup: 'IMAGE', description: 'Width of the images in pixels.' }),
  height: Flags.integer({ min: 1, helpGroup: 'IMAGE', description: 'Height of the images in pixels.' }),
  channels: Flags.integer({ options: ['1', '3'], helpGroup: 'IMAGE', description: '1: grey, 3: colour.' }),
  fit: Flags.option({
    options: ['contain', 'cover', 'fill'] as const,
    helpGroup: 'IMAGE',
    description: 'contain: with a border; cover: cut; fill: stretch.',
  })(),
  background: Flags.string({
    helpGroup: 'IMAGE',
    description: 'Colour of the border and behind transparent pixels, such as #ffffff.',
  }),
  invert: Flags.boolean({
    allowNo: true,
    helpGroup: 'IMAGE',
    description: 'Swap light and dark at the end.',
  }),
};

/** These flags, as overrides of the configuration. */
export function imageOverrides(flags: { readonly [Key in keyof typeof imageFlags]?: unknown }): Overrides {
  return Object.fromEntries(
    Object.keys(imageFlags).map((key) => [
      `image.${key}`,
      { value: flags[key as keyof typeof imageFlags], flag: `--${key}` },
    ]),
  );
}

/** How copies of pictures are made. */
export const augmentFlags = {
  strategy: Flags.option({ options: STRATEGY_NAMES, description: 'How copies are made (medium).' })(),
  'canvas-style': numberFlag({
    helpValue: 'SHARE',
    description: 'Share of the copies that are redrawn as on a browser canvas.',
  }),
  mixup: numberFlag({
    helpValue: 'SHARE',
    description: 'Share of the copies that are blended with another picture of their class.',
  }),
};
