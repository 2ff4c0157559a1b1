import { Flags } from '@oclif/core';
import { RobleError } from '../core/base/errors.js';

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
  throw new RobleError('ROBLE_USAGE', 'The shard is not usable.', {
    received: text,
    expected: 'I/N, where I counts from 0 to N - 1, such as 0/3, 1/3 and 2/3',
  });
}
