import { Random } from '../core/base/random.js';
import { inputJsonSchema, type JsonSchema } from '../core/base/schema/json-schema.js';
import type { ImageShape } from '../core/model/spec.js';
import { applyOnce, checkAugmenter, instanceOf, testPicture } from '../core/plugin/check-augmenter.js';
import type { Augmenter, AugmenterFactory } from '../core/plugin/contracts.js';
import { plugin as affine } from '../plugins/augmenters/affine.js';
import { Faults } from './faults.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever parameters it takes.
type AnyAugmenter = Augmenter<any> | AugmenterFactory<any>;
type Parameters = Readonly<Record<string, unknown>>;

export interface AugmenterChecks {
  /** Sets of parameters to try beside its own and the bounds of each. */
  readonly parameters?: readonly Parameters[];
  /** Shapes to try; by default seven, of one pixel to 64x48 in colour. */
  readonly shapes?: readonly ImageShape[];
  /** Pictures and streams of random numbers for each shape and set of parameters; default 4. */
  readonly seeds?: number;
}

export interface AugmenterReport {
  /** For a grey picture of 28x28, in the middle of several rounds. */
  readonly microseconds: number;
  /** The same as a multiple of what the augmenter `affine` in the box takes: a number that means the same on all machines. */
  readonly timesAffine: number;
}

const SHAPES: readonly ImageShape[] = [
  { width: 28, height: 28, channels: 1 },
  { width: 19, height: 13, channels: 3 },
  { width: 5, height: 40, channels: 1 },
  { width: 64, height: 48, channels: 3 },
  { width: 9, height: 1, channels: 1 },
  { width: 1, height: 9, channels: 3 },
  { width: 1, height: 1, channels: 1 },
];
const [COMMON] = SHAPES as [ImageShape];

/**
 * Tries an augmenter as pipelines use it: the same picture, random numbers and parameters give the same bytes, whatever was
 * in the target and was changed before; all of the target is written, and nothing else; drawn values are numbers. So with
 * every shape, with the parameters that it has by itself, with each one at its bounds, and with those that are given.
 *
 * @throws {RobleError} `ROBLE_PLUGIN_INVALID` with all that is wrong
 * @example
 * test('shade', () => assertAugmenter(plugin, { parameters: [{ strength: 1 }] }));
 */
export async function assertAugmenter(
  plugin: AnyAugmenter,
  { parameters = [], shapes = SHAPES, seeds = 4 }: AugmenterChecks = {},
): Promise<AugmenterReport> {
  const faults = Faults.of('augmenter', plugin);
  const bounds = trialsAtBounds(plugin);
  faults.add(...checkAugmenter(plugin, { shapes, seeds, parameters: [{}, ...bounds, ...parameters] }));
  faults.check(
    !plugin.parameters.safeParse({ 'no-such-parameter': 1 }).success,
    'its parameters take a name that they do not know, so that a misspelt one has no effect: make them with z.strictObject',
  );
  if (faults.none)
    faults.check(
      changesSomething(plugin),
      'with the parameters that it has by itself, it changes no picture',
    );
  faults.throwIfAny();
  return measure(plugin);
}

/** Each parameter at the ends of its range, or at each of its values, while the others are as by default. */
function trialsAtBounds({ parameters }: AnyAugmenter): Parameters[] {
  const { properties = {} } = inputJsonSchema(parameters);
  return Object.entries(properties)
    .flatMap(([name, schema]) => boundsOf(schema).map((value) => ({ [name]: value })))
    .filter((given) => parameters.safeParse(given).success);
}

function boundsOf({ type, minimum, maximum, enum: values }: JsonSchema): unknown[] {
  if (values) return [...values];
  if (type === 'boolean') return [false, true];
  return [minimum, maximum].filter((value) => value !== undefined);
}

function changesSomething(plugin: AnyAugmenter): boolean {
  return Array.from({ length: 20 }).some((_, seed) => {
    const { source, pixels } = applyOnce(plugin, {
      shape: COMMON,
      seed,
      parameters: plugin.parameters.parse({}),
    });
    return pixels.some((byte, i) => byte !== source[i]);
  });
}

const ROUNDS = 9;
const PICTURES = 50;

/** The two in turns, so that a busy machine slows both. */
function measure(plugin: AnyAugmenter): AugmenterReport {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const own = timeOf(plugin);
    return { own, ratio: own / timeOf(affine) };
  });
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
  return {
    microseconds: median(rounds.map(({ own }) => own)),
    timesAffine: median(rounds.map(({ ratio }) => ratio)),
  };
}

function timeOf(plugin: AnyAugmenter): number {
  const worker = instanceOf(plugin);
  const parameters = plugin.parameters.parse({});
  const [source, partner] = [testPicture(COMMON, 0), testPicture(COMMON, 1)];
  const target = { ...COMMON, data: new Uint8Array(source.data.length) };
  const before = performance.now();
  for (let i = 0; i < PICTURES; i++)
    worker.apply(
      source,
      target,
      new Random(i, 'augment'),
      parameters,
      plugin.needsPartner ? partner : undefined,
    );
  return ((performance.now() - before) * 1000) / PICTURES;
}
