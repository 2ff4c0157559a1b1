import { describe, expect, it } from 'vitest';
import { parseConditions } from './settings.js';

const WORDS = ['plain=data/a=b', 'full=data/full'];

describe('parseConditions', () => {
  it('gives each condition its data set, and the settings that name it', () => {
    const settings = ['full.train.labelSmoothing=0.1', 'full.train.monitor=valLoss'];
    expect(parseConditions(WORDS, settings)).toEqual([
      { name: 'plain', dataset: 'data/a=b', settings: undefined },
      {
        name: 'full',
        dataset: 'data/full',
        settings: { train: { labelSmoothing: 0.1, monitor: 'valLoss' } },
      },
    ]);
  });

  it.each(['data/letters', '=data/letters', 'plain='])('refuses the word %s', (word) => {
    expect(() => parseConditions([word], [])).toThrow(
      expect.objectContaining({
        code: 'ROBLE_USAGE',
        details: expect.objectContaining({ received: word }),
      }),
    );
  });

  it('refuses settings of no condition, and says which may be meant', () => {
    expect(() => parseConditions(WORDS, ['fulll.train.labelSmoothing=0.1'])).toThrow(
      expect.objectContaining({
        code: 'ROBLE_USAGE',
        details: expect.objectContaining({ received: 'fulll', nextSteps: ['Did you mean "full"?'] }),
      }),
    );
  });

  it('takes no setting for one of every object', () => {
    for (const word of ['__proto__.train=1', 'full.__proto__.polluted=1', 'constructor.prototype.polluted=1'])
      try {
        parseConditions(WORDS, [word]);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ROBLE_USAGE' });
      }
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('refuses a value that ends too early', () => {
    expect(() => parseConditions(WORDS, ['full.train.frozen=['])).toThrow(
      expect.objectContaining({
        code: 'ROBLE_USAGE',
        details: expect.objectContaining({ received: 'full.train.frozen=[' }),
      }),
    );
  });
});
