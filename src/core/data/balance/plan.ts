import { samplesByClass } from '../../base/collections.js';
import { RobleError } from '../../base/errors.js';
import { Random } from '../../base/random.js';
import { sampleKeyOf } from '../augment/pipeline.js';
import { SPLITS, type SplitName } from '../dataset/format.js';
import { largestRemainder } from '../dataset/splits.js';
import { type BalanceSettings, targetsOf } from './settings.js';
import { blockOf, hashOf, type Pool, type Sources } from './sources.js';

/** What is planned for a class of train. */
export interface ClassPlan {
  readonly name: string;
  /** Samples that can be used. */
  readonly original: number;
  /** Samples that are kept, from sources that are not synthetic. */
  readonly kept: number;
  /** Samples that are kept, from synthetic sources. */
  readonly synthetic: number;
  /** Copies to make. */
  readonly augmented: number;
  readonly total: number;
  readonly target: number;
  /** Largest number of copies of one original. */
  readonly mostCopies: number;
}

/** The samples of a split, in the order in which they are written. */
export interface SplitPlan {
  /** Indices in the pool, shared with threads. */
  readonly samples: Int32Array;
  /** 0: the sample itself; otherwise the number of the copy. */
  readonly copies: Int32Array;
  readonly perClass: number[];
}

export interface BalancePlan {
  readonly classes: readonly ClassPlan[];
  readonly splits: Partial<Record<SplitName, SplitPlan>>;
}

type PlanSettings = Pick<
  BalanceSettings,
  'target' | 'maxCopies' | 'above' | 'below' | 'seed' | 'allowMissing'
>;

/**
 * Decides which samples are kept and how many copies are made of each. The plan of a class depends only on its own samples and
 * its target, so that a further class does not change the others.
 *
 * @param usable the samples of train that may be used
 * @throws {RobleError} `ROBLE_CLASS_TOO_SMALL` for a class without a sample, `ROBLE_BALANCE_IMPOSSIBLE`, `ROBLE_USAGE`
 */
export function planBalance(
  pool: Pool,
  { sources, classes }: Sources,
  usable: readonly number[],
  settings: PlanSettings,
): BalancePlan {
  const members = samplesByClass(pool.labels, classes.length, usable);
  const counts = members.map(({ length }) => length);
  refuseEmpty(counts, classes);
  const targets = targetsOf(settings.target, counts, classes);
  const choices = members.map((samples, label) => choose(pool, sources, samples, targets[label]!, settings));
  if (!settings.allowMissing && settings.below === 'copy') refuseMissing(choices, targets, classes);
  const plans = choices.map(({ kept, copies }, label): ClassPlan => {
    const synthetic = kept.filter(
      (sample) => sources[blockOf(pool.blocks, sample).source]!.isSynthetic,
    ).length;
    return {
      name: classes[label]!,
      original: counts[label]!,
      kept: kept.length - synthetic,
      synthetic,
      augmented: copies.length,
      total: kept.length + copies.length,
      target: targets[label]!,
      mostCopies: copies.reduce((most, { number }) => Math.max(most, number), 0),
    };
  });
  const tested = SPLITS.slice(1).flatMap((split) => {
    const plan = testSplit(pool, split, classes.length);
    return plan ? [[split, plan] as const] : [];
  });
  return { classes: plans, splits: { train: trainSplit(choices), ...Object.fromEntries(tested) } };
}

interface Copy {
  readonly of: number;
  /** From 1. */
  readonly number: number;
}

/** The samples of a class that are kept, and the copies to make. */
interface Choice {
  readonly kept: readonly number[];
  readonly copies: readonly Copy[];
}

/** Chooses from the samples of a class: its share of the target from each group. */
function choose(
  pool: Pool,
  sources: Sources['sources'],
  samples: readonly number[],
  target: number,
  { seed, maxCopies, above, below }: PlanSettings,
): Choice {
  const groups = groupsOf(pool, sources, samples);
  const quotas = below === 'copy' ? sharesOf(target, groups) : sharesWithin(target, groups);
  const kept: number[] = [];
  const copies: Copy[] = [];
  for (const [i, group] of groups.entries()) {
    const ranked = inRandomOrder(pool, group.samples, seed);
    const stays = above === 'keep' ? ranked : ranked.slice(0, quotas[i]!);
    kept.push(...stays);
    const missing = Math.max(0, quotas[i]! - stays.length);
    const most = maxCopies === 0 ? missing : Math.min(missing, maxCopies * stays.length);
    for (let k = 0; k < most; k++)
      copies.push({ of: stays[k % stays.length]!, number: 1 + Math.floor(k / stays.length) });
  }
  return { kept, copies };
}

/** The target divided by weight. */
function sharesOf(target: number, groups: readonly Group[]): number[] {
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  return largestRemainder(
    target,
    groups.map(({ weight }) => weight / total),
  );
}

/** The same without copies: what a group lacks the others give, as far as they can. */
function sharesWithin(target: number, groups: readonly Group[]): number[] {
  const shares = sharesOf(target, groups);
  const short = groups.filter(({ samples }, i) => shares[i]! > samples.length);
  if (short.length === 0) return shares;
  const taken = short.reduce((sum, { samples }) => sum + samples.length, 0);
  const others = groups.filter((group) => !short.includes(group));
  const rest = others.length === 0 ? [] : sharesWithin(target - taken, others);
  return groups.map((group) => rest[others.indexOf(group)] ?? group.samples.length);
}

interface Group {
  readonly weight: number;
  readonly samples: readonly number[];
}

/** The samples of a class by source, if sources have weights. A source without samples leaves its share to the others. */
function groupsOf(pool: Pool, sources: Sources['sources'], samples: readonly number[]): Group[] {
  if (sources[0]!.weight === undefined) return [{ weight: 1, samples }];
  return sources
    .map(({ weight }, i) => ({
      weight: weight!,
      samples: samples.filter((sample) => blockOf(pool.blocks, sample).source === i),
    }))
    .filter((group) => group.samples.length > 0);
}

/** Ordered by random numbers that depend only on a sample's pixels and the seed: a further sample moves no other one. */
function inRandomOrder(pool: Pool, samples: readonly number[], seed: number): number[] {
  return samples
    .map((sample) => {
      const hash = hashOf(pool, sample);
      return { sample, rank: new Random(seed, 'balance', sampleKeyOf(hash)).uint32(), hash };
    })
    .sort((a, b) => a.rank - b.rank || (a.hash < b.hash ? -1 : 1))
    .map(({ sample }) => sample);
}

function trainSplit(choices: readonly Choice[]): SplitPlan {
  const perClass = choices.map(({ kept, copies }) => kept.length + copies.length);
  const plan = emptyPlan(perClass);
  let at = 0;
  for (const { kept, copies } of choices) {
    plan.samples.set(kept, at);
    at += kept.length;
    for (const { of, number } of copies) {
      plan.samples[at] = of;
      plan.copies[at] = number;
      at += 1;
    }
  }
  return plan;
}

/** Validation and test splits stay as they are. */
function testSplit({ blocks, labels }: Pool, split: SplitName, classes: number): SplitPlan | undefined {
  const own = blocks.filter((block) => block.split === split);
  if (own.length === 0) return undefined;
  const perClass = new Array<number>(classes).fill(0);
  const samples = own.flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + i));
  for (const sample of samples) perClass[labels[sample]!]! += 1;
  const plan = emptyPlan(perClass);
  plan.samples.set(samples);
  return plan;
}

function emptyPlan(perClass: number[]): SplitPlan {
  const count = perClass.reduce((a, b) => a + b, 0);
  const zeros = () => new Int32Array(new SharedArrayBuffer(4 * count));
  return { samples: zeros(), copies: zeros(), perClass };
}

function refuseEmpty(counts: readonly number[], classes: readonly string[]): void {
  const problems = classes
    .filter((_, label) => counts[label] === 0)
    .map((name) => ({
      path: name,
      message: `class "${name}" has no sample to train on`,
      suggestion: 'Add samples of it, or leave the class out when importing (--classes).',
    }));
  if (problems.length > 0)
    throw new RobleError('ROBLE_CLASS_TOO_SMALL', 'A class has no sample that copies could be made of.', {
      received: problems.length === 1 ? problems[0]!.message : `${problems.length} classes`,
      expected: 'at least one sample of each class in train',
      problems,
    });
}

function refuseMissing(
  choices: readonly Choice[],
  targets: readonly number[],
  classes: readonly string[],
): void {
  const problems = choices.flatMap(({ kept, copies }, label) => {
    const missing = targets[label]! - kept.length - copies.length;
    return missing > 0
      ? [
          {
            path: classes[label]!,
            message: `class "${classes[label]}" reaches ${targets[label]! - missing} of ${targets[label]} with ${kept.length} originals`,
          },
        ]
      : [];
  });
  if (problems.length > 0)
    throw new RobleError('ROBLE_BALANCE_IMPOSSIBLE', 'The target needs more copies than are allowed.', {
      received: `${problems.length} of ${classes.length} classes fall short`,
      expected: 'a target within the originals and their copies',
      problems,
      nextSteps: [
        'Lower the target, raise --max-copies, add samples, or accept smaller classes with --allow-missing.',
      ],
    });
}

/** Samples of a part: few enough that a kill loses little and that every worker gets some. */
const MOST_SAMPLES = 4096;
const FEWEST_SAMPLES = 64;
/** Bytes of the pictures of a part, if the number of samples allows it. */
const PART_BYTES = 2 ** 25;

/** A unit of work: one part of a split. */
export interface PartUnit {
  readonly split: SplitName;
  /** Its number within the split. */
  readonly index: number;
  /** The index of its first sample in the split. */
  readonly start: number;
  readonly count: number;
}

/**
 * The parts of all splits. They depend on the plan alone, so that they are the same for every shard.
 *
 * @param imageSize bytes of a picture
 */
export function partUnits(
  { splits }: Pick<BalancePlan, 'splits'>,
  imageSize: number,
  mostSamples: number = MOST_SAMPLES,
): PartUnit[] {
  const size = Math.max(FEWEST_SAMPLES, Math.min(mostSamples, Math.floor(PART_BYTES / imageSize)));
  return SPLITS.flatMap((split) => {
    const total = splits[split]?.samples.length ?? 0;
    return Array.from({ length: Math.ceil(total / size) }, (_, index) => {
      const start = index * size;
      return { split, index, start, count: Math.min(size, total - start) };
    });
  });
}
