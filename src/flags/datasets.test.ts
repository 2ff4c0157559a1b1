import { describe, expect, it } from 'vitest';
import { shardOf } from './datasets.js';

describe('shardOf', () => {
  it.each([
    ['nothing', {}, { JOB_COMPLETION_INDEX: '1', SLURM_ARRAY_TASK_ID: '1' }, undefined],
    ['--shard', { shard: '2/3' }, { JOB_COMPLETION_INDEX: '1' }, { index: 2, count: 3 }],
    ['an indexed Job of Kubernetes', { shards: 3 }, { JOB_COMPLETION_INDEX: '0' }, { index: 0, count: 3 }],
    ['an array of Slurm', { shards: 3 }, { SLURM_ARRAY_TASK_ID: '2' }, { index: 2, count: 3 }],
    [
      'an array of Slurm that does not begin with 0',
      { shards: 2 },
      { SLURM_ARRAY_TASK_ID: '8', SLURM_ARRAY_TASK_MIN: '7' },
      { index: 1, count: 2 },
    ],
  ])('understands %s', (_, flags, env, shard) => {
    expect(shardOf(flags, env)).toEqual(shard);
  });

  it.each([
    [{ shard: '3/3' }, {}],
    [{ shard: 'x' }, {}],
    [{ shard: '1/3/5' }, {}],
    [{ shards: 3 }, {}],
    [{ shards: 3 }, { JOB_COMPLETION_INDEX: '' }],
    [{ shards: 3 }, { JOB_COMPLETION_INDEX: '3' }],
    [{ shards: 3 }, { SLURM_ARRAY_TASK_ID: '6', SLURM_ARRAY_TASK_MIN: '7' }],
  ])('refuses %j with %j', (flags, env) => {
    expect(() => shardOf(flags, env)).toThrow(expect.objectContaining({ code: 'ROBLE_USAGE' }));
  });
});
