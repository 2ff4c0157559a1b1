import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { type Context, withStep } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { checked } from '../../base/schema/checked.js';
import { writeSynced } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/files.js';
import { readJsonIfAny } from '../../base/storage/read-file.js';
import type { DatasetManifest, SplitName } from '../dataset/format.js';
import { isPartIntact, manifestOf, type SplitContent, writeManifest } from '../dataset/parts.js';
import { makeParts } from './make-parts.js';
import type { ClassPlan, PartUnit } from './plan.js';
import {
  type BalanceContext,
  type ExcludedSamples,
  type Prepared,
  plannedCounts,
  prepare,
} from './prepare.js';
import { balanceSchema } from './settings.js';
import {
  inOrder,
  openWorkFolder,
  SHARD_FILE,
  type Shard,
  type ShardPart,
  type ShardPlan,
  type WorkFolder,
  workFolderOf,
} from './work-folder.js';

export type BalanceInput = z.input<typeof balanceSchema>;

export interface BalanceOptions extends BalanceInput {
  /** The folder to create; of a shard, the folder in which `shard-I-of-N` is created. */
  readonly out: string;
  /** Default: the last part of `out`. */
  readonly name?: string | undefined;
  /** Make only the parts of one shard; `index` counts from 0. */
  readonly shard?: { readonly index: number; readonly count: number } | undefined;
  /** Threads; they do not change the result. Default: one for each core. */
  readonly workers?: number | undefined;
  /** Throw away the unfinished work of another recipe. */
  readonly restart?: boolean | undefined;
}

export interface BalancePreview {
  readonly classes: readonly ClassPlan[];
  readonly splits: Partial<Record<SplitName, number>>;
  readonly leftOut: ExcludedSamples;
  readonly warnings: readonly string[];
}

export interface BalanceResult extends BalancePreview {
  /** The folder that was written. */
  readonly out: string;
  /** Of the whole data set; a shard has none. */
  readonly fingerprint?: string;
  readonly shard?: { readonly index: number; readonly count: number };
  /** Images that were written in this run, and the seconds that it took. */
  readonly written: number;
  readonly seconds: number;
  /** Images that an interrupted run had written before. */
  readonly resumed: number;
}

/**
 * What {@link balanceDataset} would do, without writing anything.
 *
 * @throws {RobleError} as it does before it writes
 */
export async function previewBalance(
  options: BalanceInput,
  context: BalanceContext,
): Promise<BalancePreview> {
  const prepared = await prepareWith(options, context);
  return previewOf(prepared);
}

/**
 * Makes a balanced data set: as many samples of each class as the target says, originals first, then copies that the
 * strategy makes of them. Augmented copies are in train only, and no picture of validation or test is in train. The
 * bytes written do not depend on workers, shards, kills and resumes: all random numbers are keyed by the seed, the
 * SHA-256 of the original, the number of the copy and the augmenter.
 *
 * @throws {RobleError} `ROBLE_OUTPUT_EXISTS`, `ROBLE_RESUME_REFUSED`, `ROBLE_FOLDER_LOCKED`, `ROBLE_DATASET_LEAK`,
 *   `ROBLE_BALANCE_IMPOSSIBLE`, `ROBLE_CLASS_TOO_SMALL`, `ROBLE_DISK_FULL`, `ROBLE_INTERRUPTED`
 *
 * @example
 * await balanceDataset({ sources: [{ dataset: 'data/letters' }], target: 800, out: 'data/balanced' }, { registry });
 */
export async function balanceDataset(
  options: BalanceOptions,
  context: BalanceContext,
): Promise<BalanceResult> {
  const shard = options.shard ?? { index: 0, count: 1 };
  const out = options.shard
    ? join(resolve(options.out), `shard-${shard.index}-of-${shard.count}`)
    : resolve(options.out);
  const prepared = await prepareWith(options, context);
  const plan = shardPlanOf(prepared, shard);
  const about = { ...previewOf(prepared), out, ...(options.shard && { shard: options.shard }) };
  const found = await finishedBefore(out, plan, options.shard !== undefined);
  if (found) return { ...about, ...found, written: 0, seconds: 0, resumed: 0 };
  const work = await openWorkFolder(out, plan, options.restart ?? false);
  try {
    const units = prepared.units.filter((_, i) => i % shard.count === shard.index);
    const made = await generate(prepared, units, work, options.workers ?? availableParallelism(), context);
    await withStep(context, 'verify', 'Reading what was written', () => verify(work.data, made.parts));
    const fingerprint = options.shard
      ? await writeShard(work.data, plan, made.parts)
      : await writeWhole(work.data, plan, made.parts, options.name ?? basename(out));
    await work.finish(out);
    const { written, seconds, resumed } = made;
    return { ...about, ...fingerprint, written, seconds, resumed };
  } catch (error) {
    await work.close();
    throw RobleError.from(error);
  }
}

async function prepareWith(options: BalanceInput, context: BalanceContext): Promise<Prepared> {
  const { sources, target, maxCopies, allowMissing, above, below, seed, augment } = options;
  const settings = checked(
    balanceSchema,
    { sources, target, maxCopies, allowMissing, above, below, seed, augment },
    'ROBLE_CONFIG_INVALID',
    'The settings of the balancing are not valid.',
  );
  return withStep(context, 'plan', 'Reading and planning', () => prepare(settings, context));
}

function previewOf({ plan, excluded, warnings }: Prepared): BalancePreview {
  return { classes: plan.classes, splits: plannedCounts(plan), leftOut: excluded, warnings };
}

function shardPlanOf(
  { about, plan, units }: Prepared,
  { index, count }: NonNullable<BalanceOptions['shard']>,
): ShardPlan {
  const splits = Object.entries(plan.splits).map(([split, { perClass }]) => {
    const parts = units.filter((unit) => unit.split === split).length;
    return [split, { perClass, parts }] as const;
  });
  return {
    format: 'roble-dataset-shard',
    version: 1,
    shard: index,
    shards: count,
    about,
    splits: Object.fromEntries(splits),
  };
}

/** The fingerprint of an output that the same recipe made, which need not be made again; another output is never touched. */
async function finishedBefore(
  out: string,
  plan: ShardPlan,
  isShard: boolean,
): Promise<{ fingerprint?: string } | undefined> {
  if (!(await exists(out))) return undefined;
  const file = join(out, isShard ? SHARD_FILE : 'dataset.json');
  const known = await readJsonIfAny(file);
  const { recipe } =
    (isShard ? (known as Shard | undefined)?.about : (known as DatasetManifest | undefined)) ?? {};
  if (!isDeepStrictEqual(recipe, JSON.parse(JSON.stringify(plan.about.recipe))))
    throw new RobleError('ROBLE_OUTPUT_EXISTS', `${out} exists already, and was not made by this recipe.`, {
      expected: 'a folder that does not exist yet',
      nextSteps: ['Choose another output folder, or remove this one.'],
    });
  // A kill between the last rename and the cleaning up leaves it behind.
  await rm(workFolderOf(out), { recursive: true, force: true });
  return isShard ? {} : { fingerprint: (known as DatasetManifest).fingerprint };
}

async function generate(
  { making, originalsOf }: Prepared,
  units: readonly PartUnit[],
  work: WorkFolder,
  workers: number,
  context: Context,
) {
  const parts = [...work.done];
  const isDone = ({ split, index }: PartUnit) =>
    work.done.some((part) => part.split === split && part.index === index);
  const resumed = countIn(work.done.map(({ part }) => part));
  const total = countIn(units);
  let done = resumed;
  const reportProgress = () =>
    context.reporter?.report({ type: 'progress', id: 'generate', done, total, unit: 'images' });
  const started = performance.now();
  await withStep(context, 'generate', 'Making samples', async () => {
    reportProgress();
    await makeParts(
      {
        recipe: making,
        folder: work.data,
        units: units.filter((unit) => !isDone(unit)),
        workers,
        originalsOf,
        async onPart(unit, part) {
          await work.record(unit, part);
          parts.push({ split: unit.split, index: unit.index, part });
          done += part.count;
          reportProgress();
        },
      },
      context,
    );
  });
  const seconds = (performance.now() - started) / 1000;
  return { parts: inOrder(parts), written: done - resumed, seconds, resumed };
}

function countIn(parts: readonly { readonly count: number }[]): number {
  return parts.reduce((sum, { count }) => sum + count, 0);
}

/** Reads every file back from the disk. */
async function verify(folder: string, parts: readonly ShardPart[]): Promise<void> {
  for (const { part } of parts)
    if (!(await isPartIntact(folder, part)))
      throw new RobleError(
        'ROBLE_WRITE_FAILED',
        `${join(folder, part.images.file)} does not hold what was written.`,
        {
          expected: 'the bytes that were written',
          nextSteps: ['Check the disk; the same command makes this part again.'],
        },
      );
}

async function writeShard(folder: string, plan: ShardPlan, parts: readonly ShardPart[]): Promise<object> {
  const file = join(folder, SHARD_FILE);
  await rm(file, { force: true });
  await writeSynced(file, `${JSON.stringify({ ...plan, parts }, null, 2)}\n`);
  return {};
}

async function writeWhole(
  folder: string,
  { about, splits }: ShardPlan,
  parts: readonly ShardPart[],
  name: string,
): Promise<{ fingerprint: string }> {
  const manifest = manifestOf({ name, ...about }, contentOf(splits, parts));
  // An interrupted try may have written it.
  await rm(join(folder, 'dataset.json'), { force: true });
  await writeManifest(folder, manifest);
  return { fingerprint: manifest.fingerprint };
}

/** The splits of a whole data set, from all its parts in order. */
export function contentOf(
  splits: ShardPlan['splits'],
  parts: readonly ShardPart[],
): Partial<Record<SplitName, SplitContent>> {
  return Object.fromEntries(
    Object.entries(splits).map(([split, { perClass }]) => [
      split,
      { perClass, parts: parts.filter((found) => found.split === split).map(({ part }) => part) },
    ]),
  );
}
