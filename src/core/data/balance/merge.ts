import { copyFile, link, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Context, refuseInterrupted, withStep } from '../../base/context.js';
import { type Problem, RobleError } from '../../base/errors.js';
import { createFolder } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/files.js';
import { filesOf, type SplitName, splitCounts } from '../dataset/format.js';
import { isPartIntact, manifestOf, writeManifest } from '../dataset/parts.js';
import { contentOf } from './balance.js';
import { inOrder, readShard, SHARD_FILE, type Shard, type ShardPart } from './work-folder.js';

export interface MergeOptions {
  /** Folders of shards, or folders that hold the folders of shards. */
  readonly shards: readonly string[];
  /** The folder to create. */
  readonly out: string;
  /** Default: the last part of `out`. */
  readonly name?: string | undefined;
}

export interface MergeResult {
  readonly out: string;
  readonly fingerprint: string;
  readonly shards: number;
  readonly splits: Partial<Record<SplitName, number>>;
}

interface FoundShard {
  readonly folder: string;
  readonly shard: Shard;
}

/**
 * Joins all shards of a data set into exactly the data set that a run without shards writes. Every byte is checked.
 *
 * @throws {RobleError} `ROBLE_SHARDS_INCOMPLETE`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_DATASET_INVALID`, `ROBLE_OUTPUT_EXISTS`
 */
export async function mergeShards(options: MergeOptions, context: Context = {}): Promise<MergeResult> {
  const folders = (await Promise.all(options.shards.map(shardFolders))).flat();
  const found = await Promise.all(
    folders.map(async (folder) => ({ folder, shard: await readShard(folder) })),
  );
  refuseDifferent(found);
  refuseIncomplete(found);
  const { about, splits, shards } = found[0]!.shard;
  const parts = inOrder(found.flatMap(({ shard }) => shard.parts));
  const name = options.name ?? basename(options.out);
  const manifest = manifestOf({ name, ...about }, contentOf(splits, parts));
  await withStep(context, 'merge', 'Joining shards', () =>
    createFolder(options.out, async (target) => {
      for (const { folder, shard } of found) await takeParts(folder, shard.parts, target, context);
      await writeManifest(target, manifest);
    }),
  );
  const { fingerprint } = manifest;
  return { out: options.out, fingerprint, shards, splits: splitCounts(manifest) };
}

/** The folder itself, if it is a shard, or the shards in it. */
async function shardFolders(folder: string): Promise<string[]> {
  if (await exists(join(folder, SHARD_FILE))) return [folder];
  const names = (await exists(folder)) ? (await readdir(folder)).sort() : [];
  const inside: string[] = [];
  for (const name of names) if (await exists(join(folder, name, SHARD_FILE))) inside.push(join(folder, name));
  if (inside.length > 0) return inside;
  throw new RobleError('ROBLE_FILE_NOT_FOUND', `${folder} holds no shard.`, {
    expected: `a folder with ${SHARD_FILE}, which "roble data:balance --shard I/N" writes, or one that holds such folders`,
  });
}

function refuseDifferent([first, ...others]: readonly FoundShard[]): void {
  for (const { folder, shard } of others) {
    const keys = ['about', 'splits', 'shards'] as const;
    if (keys.every((key) => isDeepStrictEqual(shard[key], first!.shard[key]))) continue;
    throw new RobleError('ROBLE_SHARDS_INCOMPLETE', `${folder} is a shard of another data set.`, {
      received: 'another recipe, other data, or another number of shards',
      expected: `the recipe of ${first!.folder}`,
      nextSteps: ['Name the folders of one data set only.'],
    });
  }
}

function refuseIncomplete(found: readonly FoundShard[]): void {
  const { shards, splits } = found[0]!.shard;
  const problems = Array.from({ length: shards }, (_, index): Problem[] => {
    const own = found.filter(({ shard }) => shard.shard === index).map(({ folder }) => folder);
    if (own.length === 1) return [];
    const message = own.length === 0 ? 'is missing' : `is given ${own.length} times: ${own.join(', ')}`;
    return [{ path: `shard ${index} of ${shards}`, message }];
  }).flat();
  const expected = Object.values(splits).reduce((sum, { parts }) => sum + parts, 0);
  const parts = found.flatMap(({ shard }) => shard.parts).map(({ split, index }) => `${split} ${index}`);
  if (problems.length === 0 && new Set(parts).size !== expected)
    problems.push({ path: 'parts', message: `there are ${new Set(parts).size} of ${expected}` });
  if (problems.length > 0)
    throw new RobleError('ROBLE_SHARDS_INCOMPLETE', 'The shards are not all there.', {
      received: problems.map(({ path }) => path).join(', '),
      expected: `each of the ${shards} shards once`,
      problems,
      nextSteps: [
        `Make a missing one with "roble data:balance --shard I/${shards}", with the same settings.`,
      ],
    });
}

async function takeParts(
  folder: string,
  parts: readonly ShardPart[],
  target: string,
  context: Context,
): Promise<void> {
  for (const { part } of parts) {
    refuseInterrupted(context);
    for (const { file } of filesOf(part)) await linkOrCopy(join(folder, file), join(target, file));
    if (!(await isPartIntact(target, part)))
      throw new RobleError('ROBLE_DATASET_INVALID', `A part of ${folder} was changed after it was written.`, {
        received: part.images.file,
        expected: `the SHA-256 in ${SHARD_FILE}`,
        nextSteps: ['Remove that shard and make it again.'],
      });
  }
}

/** A hard link costs nothing; to another disk the file has to be copied. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP') throw error;
    await copyFile(from, to);
  }
}
