import { Flags } from '@oclif/core';
import { STRATEGY_NAMES } from '../core/data/augment/settings.js';
import { numberFlag } from './number-flag.js';

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
