import type { z } from 'zod';
import { RobleError } from '../base/errors.js';
import { didYouMean } from '../base/text/text.js';
import { type Layer, layerSchema } from '../model/spec.js';
import type { trainSchema } from './settings.js';

type Input = Parameters<typeof layerSchema.parse>[0];

const convUnit = (filters: number, stride = 1): Input[] => [
  { type: 'conv', filters, kernel: 3, stride, bias: false },
  { type: 'batchNorm' },
  { type: 'relu' },
];

/** Two 3x3 convolutions with a shortcut, the basic block of He et al. 2015. */
const basicBlock = (filters: number, stride = 1): Input[] => [
  {
    type: 'residual',
    layers: [
      ...convUnit(filters, stride),
      { type: 'conv', filters, kernel: 3, bias: false },
      { type: 'batchNorm' },
    ],
  },
  { type: 'relu' },
];

interface Preset {
  readonly description: string;
  readonly layers: readonly Input[];
  /** The recipe that it was measured with: settings of `train` that take the place of their defaults. */
  readonly train?: z.input<typeof trainSchema>;
}

/** Architectures by name, for small pictures; some with the recipe to train them by. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  'cnn-v2': {
    description: 'Six convolutions in three stages and a dense layer; the reference for characters.',
    layers: [
      ...[32, 64, 128].flatMap((filters, stage) => [
        ...convUnit(filters),
        ...convUnit(filters),
        { type: 'maxPool' },
        { type: 'dropout', rate: [0.1, 0.15, 0.2][stage] },
      ]),
      { type: 'flatten' },
      { type: 'dense', units: 256 },
      { type: 'relu' },
      { type: 'dropout', rate: 0.3 },
      { type: 'dense', units: 'classes' },
    ],
  },
  'cnn-small': {
    description: 'Three convolutions; trains in seconds, for first tries and tight machines.',
    layers: [
      ...[16, 32].flatMap((filters) => [...convUnit(filters), { type: 'maxPool' }]),
      ...convUnit(64),
      { type: 'globalAveragePool' },
      { type: 'dropout', rate: 0.1 },
      { type: 'dense', units: 'classes' },
    ],
  },
  'resnet-small': {
    description: 'A stem and three residual blocks with global pooling; fewer weights than cnn-v2.',
    layers: [
      ...convUnit(32),
      ...basicBlock(32),
      ...basicBlock(64, 2),
      ...basicBlock(128, 2),
      { type: 'globalAveragePool' },
      { type: 'dropout', rate: 0.2 },
      { type: 'dense', units: 'classes' },
    ],
  },
  head: {
    description: 'One dense layer: what is trained on the features of a backbone.',
    layers: [{ type: 'flatten' }, { type: 'dropout', rate: 0.5 }, { type: 'dense', units: 'classes' }],
    train: {
      epochs: 60,
      batchSize: 64,
      learningRate: 0.003,
      optimizer: { type: 'adamw', weightDecay: 3 },
    },
  },
  characters: {
    description: 'Residual blocks of growing width, with the recipe that was best for 94 written characters.',
    layers: [
      ...convUnit(32),
      ...[64, 128, 256].flatMap((filters): Input[] => [{ type: 'maxPool' }, ...basicBlock(filters)]),
      { type: 'globalAveragePool' },
      { type: 'dropout', rate: 0.2 },
      { type: 'dense', units: 'classes' },
    ],
    train: {
      epochs: 14,
      batchSize: 64,
      learningRate: 0.003,
      schedule: { type: 'oneCycle' },
      labelSmoothing: 0.1,
      emaDecay: 0.998,
      augment: { strategy: 'light' },
    },
  },
};

/** The preset of whoever names a backbone and no layers. */
export const HEAD_PRESET = 'head';

/** The settings of `train` that a preset brings along; none for a preset without a recipe, or one that does not exist. */
export function recipeOf(preset: unknown): NonNullable<Preset['train']> {
  const known = typeof preset === 'string' && Object.hasOwn(PRESETS, preset);
  return (known && PRESETS[preset]?.train) || {};
}

/**
 * The layers of the configuration's `model`: its own, or those of its preset.
 *
 * @throws {RobleError} `ROBLE_MODEL_INVALID` for a preset that does not exist.
 */
export function layersOf(model: {
  readonly preset?: string | undefined;
  readonly layers?: readonly Layer[] | undefined;
  readonly backbone?: unknown;
}): Layer[] {
  if (model.layers) return [...model.layers];
  const name = model.preset ?? (model.backbone ? HEAD_PRESET : '');
  const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (!preset)
    throw new RobleError('ROBLE_MODEL_INVALID', `There is no preset "${model.preset}".`, {
      received: model.preset,
      expected: `one of ${Object.keys(PRESETS).join(', ')}`,
      nextSteps: didYouMean(name, Object.keys(PRESETS)),
    });
  return preset.layers.map((layer) => layerSchema.parse(layer));
}
