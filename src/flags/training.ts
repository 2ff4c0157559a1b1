import * as Flags from '@oclif/core/flags';
import type { Overrides } from '../core/base/schema/merge.js';
import { NORMALIZATIONS, type NormalizationName } from '../core/model/backbone/normalization.js';

/** What is trained, on what and where: flags of all commands that begin a training. */
export const trainingFlags = {
  dataset: Flags.string({ description: 'Folder of the data set.' }),
  preset: Flags.string({ description: 'Architecture by name.' }),
  backbone: Flags.string({
    helpValue: 'FILE|URL',
    description: 'ONNX file of a trained network whose features to learn from.',
  }),
  normalization: Flags.option({
    options: Object.keys(NORMALIZATIONS) as NormalizationName[],
    description: 'How the backbone wants its pictures.',
    dependsOn: ['backbone'],
  })(),
  tune: Flags.option({
    options: ['head', 'all'] as const,
    description: 'What of a backbone is trained: a head on its features, or all of its layers too.',
  })(),
  from: Flags.string({ helpValue: 'BUNDLE', description: 'Model bundle whose weights to start from.' }),
  seed: Flags.integer({ description: 'Seed of all random numbers.', min: 0 }),
  threads: Flags.integer({ description: 'Threads of the engine; 0: one for each core.', min: 0 }),
  engine: Flags.string({ description: 'Training engine: onnx, tfjs, or one of a plugin.' }),
  device: Flags.string({ description: 'Device: auto, cpu, webgpu, cuda, or gpu:1 for the second GPU.' }),
};

const KEYS: Readonly<Record<keyof typeof trainingFlags, string>> = {
  dataset: 'dataset',
  preset: 'model.preset',
  backbone: 'model.backbone.file',
  normalization: 'model.backbone.normalization',
  tune: 'model.backbone.tune',
  from: 'train.from',
  seed: 'train.seed',
  threads: 'train.threads',
  engine: 'train.engine',
  device: 'train.device',
};

/** These flags, as overrides of the configuration. */
export function trainingOverrides(
  flags: { readonly [Key in keyof typeof trainingFlags]?: unknown },
): Overrides {
  return Object.fromEntries(
    Object.entries(KEYS).map(([flag, key]) => [
      key,
      { value: flags[flag as keyof typeof trainingFlags], flag: `--${flag}` },
    ]),
  );
}
