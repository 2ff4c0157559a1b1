import type { Context } from '../../base/context.js';
import { countOf, examples } from '../../base/text/text.js';
import { paperValue } from '../../image/settings.js';
import type { ImageView } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { openPipeline } from '../augment/pipeline.js';
import { augmentersOf, stepsOf } from '../augment/settings.js';
import type { SplitName } from '../dataset/format.js';
import { isPlainMark } from '../similarity/plain-mark.js';
import type { MakingRecipe, OriginalProvenance } from './part-maker.js';
import { type BalancePlan, type PartUnit, partUnits, planBalance } from './plan.js';
import type { BalanceSettings } from './settings.js';
import {
  blockOf,
  hashOf,
  openPool,
  openSources,
  type Pool,
  pictureOf,
  type Source,
  type Sources,
} from './sources.js';
import type { ShardPlan } from './work-folder.js';

export interface BalanceContext extends Context {
  readonly registry: PluginRegistry;
  /** Most samples of a part; the default suits large data sets. */
  readonly mostSamples?: number | undefined;
}

/** Everything that is decided before a sample is made. */
export interface Prepared {
  readonly plan: BalancePlan;
  readonly excluded: ExcludedSamples;
  /** What a person should know. */
  readonly warnings: readonly string[];
  readonly units: readonly PartUnit[];
  readonly making: MakingRecipe;
  readonly about: ShardPlan['about'];
  readonly originalsOf: (unit: PartUnit) => readonly OriginalProvenance[];
}

/** @throws {RobleError} `ROBLE_INTERRUPTED`, those of opening sources, of planning and of loading augmenters */
export async function prepare(settings: BalanceSettings, context: BalanceContext): Promise<Prepared> {
  const { registry, mostSamples } = context;
  const sources = await openSources(settings.sources);
  const pool = await openPool(sources, context);
  const { usable, excluded } = excludeSamples(pool);
  const plan = planBalance(pool, sources, usable, settings);
  const { width, height, channels, blocks, labels, hashes } = pool;
  const { classes, preprocessing } = sources;
  const used = await registry.admit(augmentersOf(settings.augment));
  const making: MakingRecipe = {
    pictures: { width, height, channels, blocks, labels, hashes },
    splits: plan.splits,
    classes,
    seed: settings.seed,
    augment: settings.augment,
    background: paperValue(preprocessing),
    plugins: registry.entries,
  };
  const { fingerprint } = await openPipeline(making);
  const recipe = { ...recipeOf(settings, sources.sources, making.background, fingerprint), ...used };
  return {
    plan,
    excluded,
    warnings: [
      ...describeExcluded(excluded),
      ...describeShort(plan, settings),
      ...describeUnchangedCopies(plan, settings),
      ...confounded(pool, sources, plan),
    ],
    units: partUnits(plan, width * height * channels, mostSamples),
    making,
    about: { classes: [...classes], preprocessing, recipe },
    originalsOf: (unit) => originalsOf(unit, plan, pool, sources.sources),
  };
}

/** What decides about the data set, without times and without paths of this machine. */
function recipeOf(
  { sources: _, ...settings }: BalanceSettings,
  sources: readonly Source[],
  background: number,
  pipeline: string,
): Record<string, unknown> {
  return {
    command: 'data:balance',
    sources: sources.map(({ name, weight, dataset }) => ({
      name,
      fingerprint: dataset.manifest.fingerprint,
      ...(weight !== undefined && { weight }),
    })),
    ...settings,
    background,
    pipeline: JSON.parse(pipeline),
  };
}

function originalsOf(
  { split, start, count }: PartUnit,
  { splits }: BalancePlan,
  { blocks, provenance }: Pool,
  sources: readonly Source[],
): OriginalProvenance[] {
  const samples = splits[split]!.samples.subarray(start, start + count);
  return Array.from(samples, (sample) => {
    const { source, group } = provenance[sample]!;
    const origin = sources[blockOf(blocks, sample).source]!.name;
    return { source, ...(group !== undefined && { group }), origin };
  });
}

/**
 * Classes that only some of the sources have: a model could learn how a source looks instead of the class. It is the
 * trap of real letters beside synthetic punctuation.
 */
function confounded(pool: Pool, { sources, classes }: Sources, { splits }: BalancePlan): string[] {
  if (sources.length < 2) return [];
  const present = classes.map(() => new Set<number>());
  for (const sample of splits.train!.samples)
    present[pool.labels[sample]!]!.add(blockOf(pool.blocks, sample).source);
  const kinds = new Set(present.map((found) => [...found].sort().join()));
  if (kinds.size < 2) return [];
  return sources.flatMap(({ name }, i) => {
    const alone = classes.filter((_, label) => present[label]!.size === 1 && present[label]!.has(i));
    return alone.length > 0
      ? [
          `Only "${name}" has samples of ${alone.slice(0, 12).join(' ')}${alone.length > 12 ? ` and ${alone.length - 12} more classes` : ''}: a model may tell them by how that source looks.`,
        ]
      : [];
  });
}

/** A warning about classes that stay below their target because no copies are wanted. */
function describeShort({ classes }: BalancePlan, { below }: BalanceSettings): string[] {
  const short = classes.filter(({ total, target }) => total < target);
  if (below === 'copy' || short.length === 0) return [];
  const some = examples(short.map(({ name, total, target }) => `${name} (${total} of ${target})`));
  return [
    `${countOf(short.length, 'class stays', 'classes stay')} below the target, without copies: ${some}.`,
  ];
}

function describeUnchangedCopies({ classes }: BalancePlan, { augment }: BalanceSettings): string[] {
  const copies = classes.reduce((sum, { augmented }) => sum + augmented, 0);
  if (copies === 0 || stepsOf(augment.strategy, augment).length > 0) return [];
  return [
    `${countOf(copies, 'copy is an exact duplicate', 'copies are exact duplicates')}, because no augmenter changes them; "--below keep" makes none.`,
  ];
}

/** How many samples each split will have, without empty splits. */
export function plannedCounts({ splits }: BalancePlan): Partial<Record<SplitName, number>> {
  return Object.fromEntries(Object.entries(splits).map(([split, { samples }]) => [split, samples.length]));
}

/** How many samples of the train splits are not used, by reason. */
export interface ExcludedSamples {
  /** Copies that an earlier balancing made: copies are made of originals only. */
  readonly copies: number;
  /** The same picture is in validation or test. */
  readonly leaks: number;
  /** Their group (a writer, a patient) shares another picture with validation or test. */
  readonly groups: number;
  /** The same picture of the same class came before. */
  readonly duplicates: number;
}

/**
 * Leaves out the samples of train that must not be trained on.
 *
 * @returns `usable`: the indices in the pool of the others, in order
 */
function excludeSamples(pool: Pool): { usable: readonly number[]; excluded: ExcludedSamples } {
  const tested = new Set(samplesOf(pool, (split) => split !== 'train').map((sample) => hashOf(pool, sample)));
  const sharing = groupsSharing(pool, tested);
  const seen = new Set<string>();
  const excluded = { copies: 0, leaks: 0, groups: 0, duplicates: 0 };
  const usable: number[] = [];
  for (const sample of samplesOf(pool, (split) => split === 'train')) {
    const hash = hashOf(pool, sample);
    const labelled = `${hash} ${pool.labels[sample]}`;
    if (pool.provenance[sample]!.copy) excluded.copies += 1;
    else if (tested.has(hash)) excluded.leaks += 1;
    else if (sharing.has(groupOf(pool, sample))) excluded.groups += 1;
    else if (seen.has(labelled)) excluded.duplicates += 1;
    else {
      seen.add(labelled);
      usable.push(sample);
    }
  }
  return { usable, excluded };
}

/**
 * The groups of train that are probably in validation or test under another name, because they share a picture with these.
 * Bars and dots do not count: many people draw the very same ones.
 */
function groupsSharing(pool: Pool, tested: ReadonlySet<string>): Set<string | undefined> {
  const shared = samplesOf(pool, (split) => split === 'train').filter(
    (sample) =>
      groupOf(pool, sample) !== undefined &&
      tested.has(hashOf(pool, sample)) &&
      !isPlain(pictureOf(pool, sample)),
  );
  return new Set(shared.map((sample) => groupOf(pool, sample)));
}

const isPlain = ({ data, width, height, channels }: ImageView) =>
  isPlainMark(data, { width, height, channels: channels as 1 | 3 });

/** Names of groups mean something within a source only. */
function groupOf({ blocks, provenance }: Pool, sample: number): string | undefined {
  const { group } = provenance[sample]!;
  return group === undefined ? undefined : `${blockOf(blocks, sample).source} ${group}`;
}

function samplesOf({ blocks }: Pool, isWanted: (split: string) => boolean): number[] {
  return blocks.flatMap(({ split, start, count }) =>
    isWanted(split) ? Array.from({ length: count }, (_, i) => start + i) : [],
  );
}

function describeExcluded({ copies, leaks, groups, duplicates }: ExcludedSamples): string[] {
  const sentences: [number, string][] = [
    [copies, 'left out: copies that an earlier balancing made.'],
    [leaks, 'left out of train: the same pictures are in validation or test.'],
    [groups, 'left out of train: their groups share other pictures with validation or test.'],
    [duplicates, 'left out of train: the same pictures of the same class are there once more.'],
  ];
  return sentences.flatMap(([count, text]) => (count > 0 ? [`${countOf(count, 'sample')} ${text}`] : []));
}
