import { groupBy } from '../../base/collections.js';
import { type ErrorCode, type Problem, RobleError } from '../../base/errors.js';
import { hash32, Random } from '../../base/random.js';
import { coverClasses, type SplitItem } from './cover-classes.js';
import { SPLITS, type SplitName } from './format.js';

/** Shares of the splits; they are divided by their sum. */
export type SplitRatios = Partial<Record<SplitName, number>>;

export interface SplitOptions {
  /**
   * `given`: as the source says. `ratio`: by shares; validation and test samples of the source stay there, and the rest is
   * divided. Default: `given` if the source gives any split, else `ratio`.
   */
  readonly mode?: 'given' | 'ratio' | undefined;
  readonly ratios?: SplitRatios | undefined;
  /**
   * Whether, when samples are divided, pictures that are nearly the same stay in one split, together with the groups that share
   * them. Default true.
   */
  readonly keepRepeatedTogether?: boolean | undefined;
  /** Keep the shares within each class; default true. */
  readonly stratified?: boolean | undefined;
  readonly seed: number;
}

const DEFAULT_RATIOS: SplitRatios = { train: 0.8, validation: 0.2 };

/**
 * Gives every sample its split. Groups are never divided: they are placed first, largest first, where their classes are
 * missing most (a greedy stratified group split); single samples, in random order, then fill the rest of each class's quota
 * (largest remainder), so that without groups every class is within one sample of its share. If that leaves a split without a
 * class, groups and samples are moved until it has one, if that is possible.
 *
 * @returns for each item the index into {@link SPLITS}
 * @throws {RobleError} `ROBLE_DATASET_SPLIT`, `ROBLE_CLASS_TOO_SMALL`, with a problem for each class.
 */
export function assignSplits(
  items: readonly SplitItem[],
  classes: readonly string[],
  options: SplitOptions,
): Uint8Array {
  const assigned =
    splitMode(items, options) === 'given'
      ? takeGiven(items)
      : divide(items, classes, normalizeRatios(options.ratios ?? DEFAULT_RATIOS), options);
  refuseSharedGroups(items, assigned);
  return assigned;
}

/** How samples get their splits: as the options say, or as the source gives them. */
export function splitMode(items: readonly SplitItem[], { mode, ratios }: SplitOptions): 'given' | 'ratio' {
  const hasGiven = items.some(({ split }) => split !== undefined);
  return mode ?? (hasGiven && !ratios ? 'given' : 'ratio');
}

/** The share of the largest split. */
export function largestShare({ ratios = DEFAULT_RATIOS }: SplitOptions): number {
  return Math.max(...normalizeRatios(ratios));
}

/** Which items stay where they are when the rest is divided. */
export function fixedOf(items: readonly SplitItem[]): (item: SplitItem) => boolean {
  // A source without training samples, such as a validation file alone, is divided as a whole.
  const keepGiven = items.some(({ split }) => split === undefined || split === 'train');
  return ({ split }) => keepGiven && (split === 'validation' || split === 'test');
}

/**
 * The classes that have no sample in a split, as problems.
 *
 * @param splits indices into {@link SPLITS} to look at
 */
export function emptyClasses(
  items: readonly SplitItem[],
  assigned: Uint8Array,
  classes: readonly string[],
  splits: number[],
): Problem[] {
  const counts = countPerClass(items, assigned, classes.length);
  return splits.flatMap((split) =>
    classes.flatMap((name, label) =>
      counts[split]![label]! > 0
        ? []
        : [
            {
              path: name,
              code: 'ROBLE_DATASET_SPLIT' as const,
              message: `class "${name}" has no sample in ${SPLITS[split]}`,
              suggestion: 'Add samples of it, choose other shares, or leave the class out with --classes.',
            },
          ],
    ),
  );
}

function takeGiven(items: readonly SplitItem[]): Uint8Array {
  const missing = items.find(({ split }) => split === undefined);
  if (missing)
    throw new RobleError('ROBLE_DATASET_SPLIT', 'The source does not give the split of every sample.', {
      received: missing.source,
      expected: 'a split for each sample',
      nextSteps: [
        'Divide the samples with --split train=0.8,validation=0.2; given validation and test samples stay.',
      ],
    });
  return Uint8Array.from(items, ({ split }) => SPLITS.indexOf(split!));
}

/** Shares by the index of their split, adding up to 1. */
function normalizeRatios(ratios: SplitRatios): number[] {
  const values = SPLITS.map((split) => ratios[split] ?? 0);
  const sum = values.reduce((a, b) => a + b, 0);
  if (values.some((value) => !(value >= 0)) || !(sum > 0) || values[0] === 0)
    throw new RobleError('ROBLE_USAGE', 'The shares of the splits are not usable.', {
      received: ratios,
      expected: 'numbers that are not negative, and a share for train, such as train=0.8,validation=0.2',
    });
  return values.map((value) => value / sum);
}

function divide(
  items: readonly SplitItem[],
  classes: readonly string[],
  ratios: number[],
  options: SplitOptions,
): Uint8Array {
  const assigned = new Uint8Array(items.length);
  const isFixed = fixedOf(items);
  const free: number[] = [];
  for (const [i, item] of items.entries()) {
    if (isFixed(item)) assigned[i] = SPLITS.indexOf(item.split!);
    else free.push(i);
  }
  const wanted = ratios.flatMap((ratio, split) => (ratio > 0 ? [split] : []));
  refuseSmallClasses(items, free, classes, wanted.length);
  // Without stratification the samples are one class for the quotas.
  const labelOf = (i: number): number => (options.stratified === false ? 0 : items[i]!.label);
  const quotas = new Quotas(free.map(labelOf), ratios);
  placeGroups(items, free, labelOf, quotas, assigned, options.seed);
  placeSingles(items, free, labelOf, quotas, assigned, options.seed);
  if (emptyClasses(items, assigned, classes, wanted).length > 0) coverClasses(items, free, wanted, assigned);
  const problems = emptyClasses(items, assigned, classes, wanted);
  if (problems.length > 0)
    throw splitError('A split would have no sample of a class.', 'ROBLE_DATASET_SPLIT', problems);
  return assigned;
}

function refuseSmallClasses(
  items: readonly SplitItem[],
  free: number[],
  classes: readonly string[],
  needed: number,
): void {
  const counts = new Array<number>(classes.length).fill(0);
  for (const i of free) counts[items[i]!.label]! += 1;
  const problems = classes.flatMap((name, label) =>
    counts[label]! >= needed
      ? []
      : [
          {
            path: name,
            code: 'ROBLE_CLASS_TOO_SMALL' as const,
            message: `class "${name}" has ${counts[label]} of the ${needed} samples that ${needed} splits need`,
            suggestion: 'Add samples of it, or leave the class out with --classes.',
          },
        ],
  );
  if (problems.length > 0)
    throw splitError('A class has too few samples to be split.', 'ROBLE_CLASS_TOO_SMALL', problems);
}

function splitError(message: string, code: ErrorCode, problems: Problem[]): RobleError {
  return new RobleError(code, message, {
    received: problems.length === 1 ? problems[0]!.message : `${problems.length} classes`,
    expected: 'at least one sample of each class in each split',
    problems,
  });
}

/** How many samples of each class each split still needs. */
class Quotas {
  readonly #left = new Map<number, number[]>();

  constructor(labels: readonly number[], ratios: readonly number[]) {
    const counts = new Map<number, number>();
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    for (const [label, count] of counts) this.#left.set(label, largestRemainder(count, ratios));
  }

  of(label: number): number[] {
    return this.#left.get(label)!;
  }
}

/** Whole numbers that add up to `count`, each within one of its share, and at least 1 if the share is not 0. */
export function largestRemainder(count: number, ratios: readonly number[]): number[] {
  const whole = ratios.map((ratio) => Math.floor(count * ratio + 1e-9));
  const order = ratios
    .map((_, i) => i)
    .sort((a, b) => count * ratios[b]! - whole[b]! - (count * ratios[a]! - whole[a]!) || a - b);
  let left = count - whole.reduce((a, b) => a + b, 0);
  for (const i of order) {
    if (left === 0 || ratios[i] === 0) continue;
    whole[i]! += 1;
    left -= 1;
  }
  for (const [i, ratio] of ratios.entries()) {
    if (ratio === 0 || whole[i]! > 0) continue;
    const largest = whole.indexOf(Math.max(...whole));
    if (whole[largest]! < 2) continue;
    whole[largest]! -= 1;
    whole[i]! += 1;
  }
  return whole;
}

/** Groups, largest first so that the small ones can even things out; equal sizes in random order. */
function placeGroups(
  items: readonly SplitItem[],
  free: number[],
  labelOf: (i: number) => number,
  quotas: Quotas,
  assigned: Uint8Array,
  seed: number,
): void {
  const groups = groupBy(free, (i) => items[i]!.group);
  const order = [...groups].map(([name, members]) => ({
    name,
    members,
    key: new Random(seed, 'split', hash32(name), 1).float(),
  }));
  order.sort((a, b) => b.members.length - a.members.length || a.key - b.key || (a.name < b.name ? -1 : 1));
  for (const { members } of order) {
    const counts = new Map<number, number>();
    for (const i of members) counts.set(labelOf(i), (counts.get(labelOf(i)) ?? 0) + 1);
    const split = bestSplit(counts, quotas);
    for (const i of members) assigned[i] = split;
    for (const [label, count] of counts) quotas.of(label)[split]! -= count;
  }
}

/**
 * The split whose quotas a group fits best: placing it changes the sum of squared quotas left, over classes and splits,
 * by `count² - 2 · count · left`, and the least is best. Quotas are compared relative to their class so that rare
 * classes count as much as frequent ones.
 */
function bestSplit(counts: ReadonlyMap<number, number>, quotas: Quotas): number {
  let best = 0;
  let bestCost = Infinity;
  for (let split = 0; split < SPLITS.length; split++) {
    let cost = 0;
    for (const [label, count] of counts) {
      const left = quotas.of(label);
      const scale = left.reduce((sum, value) => sum + Math.abs(value), 1);
      cost += (count * count - 2 * count * left[split]!) / (scale * scale);
    }
    if (cost < bestCost) [best, bestCost] = [split, cost];
  }
  return best;
}

function placeSingles(
  items: readonly SplitItem[],
  free: number[],
  labelOf: (i: number) => number,
  quotas: Quotas,
  assigned: Uint8Array,
  seed: number,
): void {
  const byLabel = groupBy(free, (i) => (items[i]!.group === undefined ? labelOf(i) : undefined));
  for (const [label, members] of byLabel) {
    new Random(seed, 'split', label).shuffle(members);
    const left = quotas.of(label);
    for (const i of members) {
      // Groups may have overfilled a split; the one that lacks most takes the next sample.
      const split = left.indexOf(Math.max(...left));
      assigned[i] = split;
      left[split]! -= 1;
    }
  }
}

/** @throws {RobleError} `ROBLE_DATASET_SPLIT` naming every group that is in two splits */
export function refuseSharedGroups(items: readonly SplitItem[], assigned: Uint8Array): void {
  const homes = new Map<string, number>();
  const shared = new Map<string, Problem>();
  for (const [i, { group }] of items.entries()) {
    if (group === undefined) continue;
    const home = homes.get(group);
    if (home === undefined) homes.set(group, assigned[i]!);
    else if (home !== assigned[i] && !shared.has(group))
      shared.set(group, {
        path: group,
        code: 'ROBLE_DATASET_SPLIT',
        message: `group "${group}" is in ${SPLITS[home]} and in ${SPLITS[assigned[i]!]}`,
        suggestion: 'Move all its samples to one split, or ignore the groups with --group-by none.',
      });
  }
  if (shared.size > 0)
    throw new RobleError(
      'ROBLE_DATASET_SPLIT',
      'Samples of one group are in different splits, so a model would be tested on what it has seen.',
      {
        received: `${shared.size} ${shared.size === 1 ? 'group' : 'groups'}`,
        expected: 'each group in one split',
        problems: [...shared.values()],
      },
    );
}

/** [split][class] counts. */
export function countPerClass(
  items: readonly { readonly label: number }[],
  assigned: Uint8Array,
  classes: number,
): number[][] {
  const counts = SPLITS.map(() => new Array<number>(classes).fill(0));
  for (const [i, { label }] of items.entries()) counts[assigned[i]!]![label]! += 1;
  return counts;
}
