import { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import { recordOf } from '../../base/schema/record-of.js';
import { knownName, repeatedNames } from '../../base/text/names.js';
import { didYouMean } from '../../base/text/text.js';
import { augmentSchema, strategySchema } from '../augment/settings.js';

const POLICY = /^(?:max|median|mean|q(?:\d{1,2}|100))$/;

/** How many samples each class should have. */
export const targetSchema = z.union([
  z.int().positive(),
  z.string().regex(POLICY, 'expected "max", "median", "mean" or a quantile such as "q75"'),
  recordOf(z.int().positive()),
]);

/** The settings of `data:balance`. */
export const balanceSchema = z.strictObject({
  sources: z
    .array(
      z.strictObject({
        dataset: z.string().min(1).describe('Folder of a data set.'),
        weight: z
          .number()
          .positive()
          .optional()
          .describe('Its share of each class, relative to the other weights.'),
      }),
    )
    .default([])
    .describe('Data sets to balance. Either all have a weight, or none: then their samples are one pool.'),
  target: targetSchema
    .default('max')
    .describe(
      'Samples of each class: a number; "max", "median", "mean" or a quantile such as "q75" of what the classes have; or a number for some classes by name.',
    ),
  maxCopies: z
    .int()
    .gte(0)
    .default(0)
    .describe('Most copies of one original; 0: as many as the target takes.'),
  allowMissing: z
    .boolean()
    .default(false)
    .describe('Whether a class may stay below its target when maxCopies does not allow more.'),
  above: z
    .enum(['trim', 'keep'])
    .default('trim')
    .describe('What happens to a class that has more than its target.'),
  below: z
    .enum(['copy', 'keep'])
    .default('copy')
    .describe(
      'What happens to a class that has less than its target: copies are made of its samples, or it stays as it is.',
    ),
  seed: z.int().gte(0).max(0xffffffff).default(0).describe('Seed of every random choice.'),
  augment: augmentSchema
    .extend({
      strategy: strategySchema.default('medium').describe('A strategy by name, or its own steps in a list.'),
    })
    .prefault({})
    .describe('How copies are made.'),
});
export type BalanceSettings = z.output<typeof balanceSchema>;

export type Target = z.output<typeof targetSchema>;

/**
 * A target from a flag: `800`, `median`, `q75`, or `A=800,B=200`. A class with an equals sign or a comma in its name
 * is written by its code, such as `U+002C=200`.
 *
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseTarget(text: string): Target {
  const target = /^\d+$/.test(text) ? Number(text) : text.includes('=') ? parseMap(text) : text;
  const parsed = targetSchema.safeParse(target);
  if (parsed.success) return parsed.data;
  throw new RobleError('ROBLE_USAGE', 'The target of the classes cannot be read.', {
    received: text,
    expected: 'a number, max, median, mean, a quantile such as q75, or numbers by class such as A=800,B=200',
  });
}

function parseMap(text: string): Record<string, number> {
  const pairs = text.split(',').map((pair): [string, number] => {
    const at = pair.lastIndexOf('=');
    const name = pair
      .slice(0, at)
      .replace(/^U\+([0-9a-f]{4,6})$/i, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)));
    return [name, Number(pair.slice(at + 1))];
  });
  const [repeated] = repeatedNames(pairs.map(([name]) => name));
  if (repeated !== undefined) throw twice(repeated);
  return Object.fromEntries(pairs);
}

/**
 * The target of each class. A class that a map does not name keeps what it has.
 *
 * @param counts originals of each class
 * @throws {RobleError} `ROBLE_USAGE` for an unknown class
 */
export function targetsOf(target: Target, counts: readonly number[], classes: readonly string[]): number[] {
  if (typeof target === 'number') return counts.map(() => target);
  if (typeof target === 'string') return counts.map(() => policyValue(target, counts));
  const wanted = new Map<string | undefined, number>();
  const unknown: string[] = [];
  for (const [written, samples] of Object.entries(target)) {
    const name = knownName(written, classes);
    if (name === undefined) unknown.push(written);
    else if (wanted.has(name)) throw twice(name);
    wanted.set(name, samples);
  }
  refuseUnknown(unknown, classes);
  return counts.map((count, label) => wanted.get(classes[label]) ?? count);
}

function twice(name: string): RobleError {
  return new RobleError('ROBLE_USAGE', 'A target names a class twice.', {
    received: name,
    expected: 'each class once',
  });
}

/** At least 1. Quantiles lie between the neighbours in proportion (type 7 of Hyndman and Fan, 1996), rounded. */
function policyValue(policy: string, counts: readonly number[]): number {
  if (policy === 'mean') return Math.max(1, Math.round(counts.reduce((a, b) => a + b, 0) / counts.length));
  const share = policy === 'max' ? 1 : policy === 'median' ? 0.5 : Number(policy.slice(1)) / 100;
  const sorted = [...counts].sort((a, b) => a - b);
  const rank = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(rank)]!, sorted[Math.ceil(rank)]!];
  return Math.max(1, Math.round(below + (above - below) * (rank - Math.floor(rank))));
}

function refuseUnknown(unknown: readonly string[], classes: readonly string[]): void {
  if (unknown.length === 0) return;
  throw new RobleError('ROBLE_USAGE', 'A target names an unknown class.', {
    received: unknown.join(', '),
    expected: 'names of classes of the sources',
    nextSteps: unknown.flatMap((name) => didYouMean(name, classes)),
  });
}
