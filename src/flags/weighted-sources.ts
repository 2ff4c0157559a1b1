import type { BalanceInput } from '../core/data/balance/balance.js';

/** Data sets with their weights, from words such as `data/real=70`; a word without a number behind `=` is a folder. */
export function parseSources(words: readonly string[]): NonNullable<BalanceInput['sources']> {
  return words.map((word) => {
    const [, dataset, weight] = /^(.+)=(\d+(?:\.\d+)?)$/.exec(word) ?? [];
    return dataset === undefined ? { dataset: word } : { dataset, weight: Number(weight) };
  });
}
