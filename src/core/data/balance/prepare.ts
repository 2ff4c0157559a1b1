import { openPipeline } from '../augment/copy-maker.js';
import { stepsOf } from '../augment/settings.js';
import type { SplitName } from '../dataset/format.js';
import { paperValue } from '../../image/settings.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { countOf, examples } from '../../base/text.js';
import type { MakingRecipe, OriginalProvenance } from './part-maker.js';
import { type PartUnit, partUnits } from './part-units.js';
import { type BalancePlan, planBalance } from './plan.js';
import { blockOf, loadPool, type Pool } from './pool.js';
import { describeLeftOut, type LeftOut, screen } from './screen.js';
import type { BalanceSettings } from './settings.js';
import type { ShardPlan } from './shard.js';
import { openSources, type Source, type Sources } from './sources.js';

/** Everything that is decided before a sample is made. */
export interface Prepared {
  readonly plan: BalancePlan;
  readonly leftOut: LeftOut;
  /** Findings that a person should know. */
  readonly warnings: readonly string[];
  readonly units: readonly PartUnit[];
  readonly making: MakingRecipe;
  readonly about: ShardPlan['about'];
  readonly originalsOf: (unit: PartUnit) => readonly OriginalProvenance[];
}

/** @throws {RobleError} those of opening sources, of planning and of loading augmenters */
export async function prepare(
  settings: BalanceSettings,
  registry: PluginRegistry,
  mostSamples?: number,
): Promise<Prepared> {
  const sources = await openSources(settings.sources);
  const pool = await loadPool(sources);
  const { usable, leftOut } = screen(pool);
  const plan = planBalance(pool, sources, usable, settings);
  const { width, height, channels, blocks, labels, hashes } = pool;
  const { classes, preprocessing } = sources;
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
  const recipe = recipeOf(settings, sources.sources, making.background, fingerprint);
  return {
    plan,
    leftOut,
    warnings: [
      ...describeLeftOut(leftOut),
      ...describeShort(plan, settings),
      ...describeDuplicates(plan, settings),
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

/** The classes that stay below their target because no copies are wanted. */
function describeShort({ classes }: BalancePlan, { below }: BalanceSettings): string[] {
  const short = classes.filter(({ total, target }) => total < target);
  if (below === 'copy' || short.length === 0) return [];
  const some = examples(short.map(({ name, total, target }) => `${name} (${total} of ${target})`));
  return [
    `${countOf(short.length, 'class stays', 'classes stay')} below the target, without copies: ${some}.`,
  ];
}

function describeDuplicates({ classes }: BalancePlan, { augment }: BalanceSettings): string[] {
  const copies = classes.reduce((sum, { augmented }) => sum + augmented, 0);
  if (copies === 0 || stepsOf(augment.strategy, augment).length > 0) return [];
  return [
    `${countOf(copies, 'copy is an exact duplicate', 'copies are exact duplicates')}, for nothing changes them; "--below keep" makes none.`,
  ];
}

/** The samples of each split, where there are any. */
export function plannedCounts({ splits }: BalancePlan): Partial<Record<SplitName, number>> {
  return Object.fromEntries(Object.entries(splits).map(([split, { samples }]) => [split, samples.length]));
}
