import { splitOfWord } from '../core/data/formats/sample.js';
import type { SplitRatios } from '../core/data/dataset/splits.js';
import { RobleError } from '../core/base/errors.js';

/**
 * Shares of the splits from a flag such as `train=0.8,val=0.2`.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseRatios(text: string): SplitRatios {
  const ratios: SplitRatios = {};
  for (const item of text.split(',')) {
    const [word = '', share = ''] = item.split('=').map((part) => part.trim());
    const split = splitOfWord(word);
    if (split === undefined || share === '' || !(Number(share) >= 0) || ratios[split] !== undefined)
      throw new RobleError('ROBLE_USAGE', `"${item}" is no share of a split.`, {
        received: text,
        expected: 'shares for train, validation and test, each once, such as train=0.8,validation=0.2',
      });
    ratios[split] = Number(share);
  }
  return ratios;
}
