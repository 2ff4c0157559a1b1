import { join } from 'node:path';
import { z } from 'zod';
import { checkedJson } from '../../base/schema/checked.js';
import { manifestSchema, partSchema, SPLITS } from '../dataset/format.js';
import { readPlainText } from '../../base/storage/read-file.js';

/** The file that tells a shard. */
export const SHARD_FILE = 'shard.json';

const shardPartSchema = z.strictObject({
  split: z.enum(SPLITS),
  /** Its number within the split. */
  index: z.int().nonnegative(),
  part: partSchema,
});

const splitSchema = z.strictObject({
  /** Samples of each class. */
  perClass: z.array(z.int().nonnegative()),
  /** How many parts it has over all shards. */
  parts: z.int().positive(),
});

const planSchema = z.strictObject({
  format: z.literal('roble-dataset-shard'),
  version: z.literal(1),
  /** From 0. */
  shard: z.int().nonnegative(),
  shards: z.int().positive(),
  /** The same in all shards. */
  about: manifestSchema.pick({ classes: true, preprocessing: true, recipe: true }),
  splits: z.partialRecord(z.enum(SPLITS), splitSchema),
});

/** What a shard is of, known before any of it is made. */
export type ShardPlan = z.output<typeof planSchema>;

/** A part, and its place in the whole. */
export type ShardPart = z.output<typeof shardPartSchema>;

const shardSchema = planSchema.extend({ parts: z.array(shardPartSchema) });

/** A complete shard: some parts of a data set. The whole set is shard 0 of 1. */
export type Shard = z.output<typeof shardSchema>;

/** @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_DATASET_INVALID` */
export async function readShard(folder: string): Promise<Shard> {
  const file = join(folder, SHARD_FILE);
  return checkedJson(shardSchema, await readPlainText(file), 'ROBLE_DATASET_INVALID', file);
}

/** By split, then by number. */
export function inOrder(parts: readonly ShardPart[]): ShardPart[] {
  return [...parts].sort((a, b) => SPLITS.indexOf(a.split) - SPLITS.indexOf(b.split) || a.index - b.index);
}
