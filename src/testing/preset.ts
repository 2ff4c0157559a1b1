import { RobleError } from '../core/base/errors.js';
import { trainSchema } from '../core/learning/settings.js';
import { parametersOf, resolveNetwork, sizeOf } from '../core/model/network.js';
import { type ImageShape, type Layer, layerSchema } from '../core/model/spec.js';
import type { Preset } from '../core/plugin/contracts.js';
import { describeThrown, Faults } from './faults.js';

export interface PresetChecks {
  /** Shapes of pictures that it is made for; default 28x28 grey, 32x32 and 64x64 in colour. */
  readonly shapes?: readonly ImageShape[];
  /** Numbers of classes; default 2, 10 and 94. */
  readonly classes?: readonly number[];
}

/** The networks that it makes. */
export type PresetReport = readonly {
  readonly input: ImageShape;
  readonly classes: number;
  /** Trainable values. */
  readonly parameters: number;
}[];

/**
 * Tries a preset: its layers fit each other with each shape and number of classes, end in an output for each class, and its
 * recipe holds settings of `train` alone.
 *
 * @throws {RobleError} `ROBLE_PLUGIN_INVALID` with all that is wrong
 * @example
 * test('wide', () => assertPreset(plugin, { shapes: [{ width: 28, height: 28, channels: 1 }] }));
 */
export async function assertPreset(
  plugin: Preset,
  { shapes = SHAPES, classes = [2, 10, 94] }: PresetChecks = {},
): Promise<PresetReport> {
  const faults = Faults.of('preset', plugin);
  faults.check(
    typeof plugin.description === 'string' && plugin.description !== '',
    'it has no "description"',
  );
  const { error } = trainSchema.safeParse(plugin.train ?? {});
  faults.add(
    ...(error?.issues ?? []).map(
      ({ path, message }) => `its "train" is not valid: ${[...path, message].join(': ')}`,
    ),
  );
  const layers = plugin.layers.map((layer) => layerSchema.parse(layer));
  const report = shapes.flatMap((input) =>
    classes.flatMap((count) => sizeOfNetwork(faults, layers, input, count)),
  );
  faults.throwIfAny();
  return report;
}

const SHAPES: readonly ImageShape[] = [
  { width: 28, height: 28, channels: 1 },
  { width: 32, height: 32, channels: 3 },
  { width: 64, height: 64, channels: 3 },
];

function sizeOfNetwork(faults: Faults, layers: readonly Layer[], input: ImageShape, classes: number) {
  try {
    const trainable = parametersOf(resolveNetwork({ input, classes, layers })).filter((p) => p.trainable);
    return [{ input, classes, parameters: trainable.reduce((sum, { shape }) => sum + sizeOf(shape), 0) }];
  } catch (error) {
    if (!(error instanceof RobleError)) throw error;
    const { width, height, channels } = input;
    faults.add(
      `with pictures of ${width}x${height}x${channels} and ${classes} classes its layers do not fit: ${describeThrown(error)}`,
    );
    return [];
  }
}
