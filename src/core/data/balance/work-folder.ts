import { appendFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import { checkedJson } from '../../base/schema/checked.js';
import { replaceFile, sweepPartials, syncFolder } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/files.js';
import { takeLock } from '../../base/storage/folder-lock.js';
import { parseJson, readJsonIfAny, readPlainText } from '../../base/storage/read-file.js';
import { type DatasetPart, manifestSchema, partSchema, SPLITS } from '../dataset/format.js';
import { isPartIntact } from '../dataset/parts.js';
import type { PartUnit } from './plan.js';

/** Where parts are collected until all of them are there. A kill leaves it behind, and the same command continues with it. */
export interface WorkFolder {
  /** Holds the files of the parts. */
  readonly data: string;
  /** Parts that were made before, and whose files were read again and are intact. */
  readonly done: readonly ShardPart[];
  /** Records in the journal that the files of a part are on the disk. */
  record(unit: PartUnit, part: DatasetPart): Promise<void>;
  /** Moves the files to their destination, and removes the rest. */
  finish(out: string): Promise<void>;
  /** Leaves everything in place for another try. */
  close(): Promise<void>;
}

/** The folder of unfinished work, beside the output. */
export const workFolderOf = (out: string): string => `${out}.work`;

/**
 * Opens the work folder of an output, with the parts that an earlier try of the same plan left in it.
 *
 * @param restart whether to throw away the parts of another plan
 * @throws {RobleError} `ROBLE_RESUME_REFUSED` if it holds parts of another plan, `ROBLE_FOLDER_LOCKED`
 */
export async function openWorkFolder(out: string, plan: ShardPlan, restart: boolean): Promise<WorkFolder> {
  const folder = workFolderOf(out);
  const [data, journal] = [join(folder, 'data'), join(folder, 'journal.jsonl')];
  await mkdir(folder, { recursive: true });
  const lock = await takeLock(folder);
  try {
    await beginPlan(folder, plan, restart);
    await mkdir(data, { recursive: true });
    await sweepPartials(data);
    const done = await intactParts(journal, data);
    return {
      data,
      done,
      async record({ split, index }, part) {
        await appendSynced(journal, `${JSON.stringify({ split, index, part } satisfies ShardPart)}\n`);
      },
      async finish(target) {
        await rename(data, target);
        await syncFolder(dirname(target));
        await lock.release();
        await rm(folder, { recursive: true, force: true });
      },
      close: () => lock.release(),
    };
  } catch (error) {
    await lock.release();
    throw RobleError.from(error);
  }
}

async function beginPlan(folder: string, plan: ShardPlan, restart: boolean): Promise<void> {
  const file = join(folder, 'plan.json');
  const before = (await readJsonIfAny(file)) as ShardPlan | undefined;
  // Through JSON, like the stored one.
  const now = JSON.parse(JSON.stringify(plan)) as ShardPlan;
  if (isDeepStrictEqual(before, now)) return;
  if (before && !restart) throw otherPlan(folder, before, now);
  for (const name of ['data', 'journal.jsonl'])
    await rm(join(folder, name), { recursive: true, force: true });
  await replaceFile(file, `${JSON.stringify(now, null, 2)}\n`);
}

function otherPlan(folder: string, before: ShardPlan, now: ShardPlan): RobleError {
  const [old, current] = [before, now].map(({ about, shard, shards }) => ({
    ...about.recipe,
    shard,
    shards,
  }));
  const changed = Object.keys({ ...old, ...current }).filter(
    (key) =>
      !isDeepStrictEqual((old as Record<string, unknown>)[key], (current as Record<string, unknown>)[key]),
  );
  return new RobleError('ROBLE_RESUME_REFUSED', `${folder} holds unfinished work of another recipe.`, {
    received: `other settings or data: ${changed.join(', ') || 'the samples'}`,
    expected: 'the recipe of the unfinished work',
    nextSteps: ['Choose another output folder, or throw the unfinished work away with --restart.'],
  });
}

/** The parts of the journal whose files are intact. An incomplete last line is ignored. */
async function intactParts(journal: string, data: string): Promise<ShardPart[]> {
  const text = (await exists(journal)) ? await readPlainText(journal) : '';
  const intact = new Map<string, ShardPart>();
  for (const line of text.split('\n').slice(0, -1)) {
    const found = parseJson(line) as ShardPart | undefined;
    if (found && (await isPartIntact(data, found.part))) intact.set(`${found.split} ${found.index}`, found);
  }
  // Otherwise the next line would be appended to the incomplete one.
  if (text !== '' && !text.endsWith('\n'))
    await replaceFile(journal, text.slice(0, text.lastIndexOf('\n') + 1));
  return [...intact.values()];
}

async function appendSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'a');
  try {
    await appendFile(handle, text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The file that describes a shard. */
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

/** The description of a shard that is known before any part of it is made. */
export type ShardPlan = z.output<typeof planSchema>;

/** A part, and its position in the data set. */
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
