import * as Flags from '@oclif/core/flags';
import { RobleError } from '../core/base/errors.js';
import type { BalanceInput } from '../core/data/balance/balance.js';
import type { SplitRatios } from '../core/data/dataset/splits.js';
import { splitOfWord } from '../core/data/formats/source.js';

/** One of `count` equal jobs; `index` counts from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Flags of work that several machines share. */
export const shardFlags = {
  shard: Flags.string({
    helpValue: 'I/N',
    exclusive: ['shards'],
    description: 'Make only the I-th of N shards, from 0; "roble data:merge" joins them.',
  }),
  shards: Flags.integer({
    min: 1,
    helpValue: 'N',
    description:
      'As --shard, with I from JOB_COMPLETION_INDEX (Kubernetes) or SLURM_ARRAY_TASK_ID less SLURM_ARRAY_TASK_MIN.',
  }),
};

/**
 * The shard that the flags and the job's environment name; undefined for the whole work.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function shardOf(
  flags: { readonly shard?: string | undefined; readonly shards?: number | undefined },
  env: NodeJS.ProcessEnv,
): Shard | undefined {
  if (flags.shard !== undefined) return parseShard(flags.shard);
  if (flags.shards === undefined) return undefined;
  const index =
    env.JOB_COMPLETION_INDEX ??
    (env.SLURM_ARRAY_TASK_ID && Number(env.SLURM_ARRAY_TASK_ID) - Number(env.SLURM_ARRAY_TASK_MIN ?? 0));
  if (index === undefined || index === '')
    throw new RobleError('ROBLE_USAGE', 'The number of this shard is not known.', {
      received: `--shards ${flags.shards}, and neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID`,
      expected: 'one of these variables, which the job scheduler sets, or --shard I/N',
    });
  return parseShard(`${index}/${flags.shards}`);
}

function parseShard(text: string): Shard {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (index !== undefined && Number(index) < Number(count))
    return { index: Number(index), count: Number(count) };
  throw new RobleError('ROBLE_USAGE', 'The shard is not valid.', {
    received: text,
    expected: 'I/N, where I counts from 0 to N - 1, such as 0/3, 1/3 and 2/3',
  });
}

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
      throw new RobleError('ROBLE_USAGE', `"${item}" is not a share of a split.`, {
        received: text,
        expected: 'shares for train, validation and test, each once, such as train=0.8,validation=0.2',
      });
    ratios[split] = Number(share);
  }
  return ratios;
}

/** Data sets with their weights, from words such as `data/real=70`; a word without a number behind `=` is a folder. */
export function parseSources(words: readonly string[]): NonNullable<BalanceInput['sources']> {
  return words.map((word) => {
    const [, dataset, weight] = /^(.+)=(\d+(?:\.\d+)?)$/.exec(word) ?? [];
    return dataset === undefined ? { dataset: word } : { dataset, weight: Number(weight) };
  });
}
