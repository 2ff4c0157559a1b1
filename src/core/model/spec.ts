import { z } from 'zod';
import { positive } from '../base/schema/checked.js';

/** One number for both sides, or [height, width]. */
const pair = z.union([positive, z.tuple([positive, positive])]);
const name = z
  .string()
  .min(1)
  .optional()
  .describe('Name of the layer in messages and checkpoints; by default its type and number.');
const rows = z.int().nonnegative();
/** Rows and columns of zeros around a picture: so many that the output is the input over the stride, none, or how many. */
const padding = z.union([z.enum(['same', 'valid']), z.tuple([rows, rows, rows, rows])]);

const conv = z.strictObject({
  type: z.literal('conv'),
  name,
  filters: positive.describe('Number of output channels.'),
  kernel: pair.default(3).describe('Side of the kernel.'),
  stride: pair.default(1),
  padding: padding
    .default('same')
    .describe('"same", "valid", or rows and columns [top, left, bottom, right].'),
  groups: positive
    .optional()
    .describe(
      'Parts that the channels and the filters fall into, each convolved by itself; by default 1. As many as channels: a depthwise convolution.',
    ),
  bias: z.boolean().default(true),
});
const batchNorm = z.strictObject({
  type: z.literal('batchNorm'),
  name,
  epsilon: z.number().positive().default(1e-5),
  momentum: z
    .number()
    .gt(0)
    .lte(1)
    .default(0.1)
    .describe('Weight of the newest batch in the running statistics.'),
});
const activationType = z.enum(['relu', 'gelu', 'silu', 'relu6', 'hardSwish', 'hardSigmoid', 'sigmoid']);
const activation = z.strictObject({ type: activationType, name });
const pool = z.strictObject({
  type: z.enum(['maxPool', 'averagePool']),
  name,
  size: pair.default(2),
  stride: pair.optional().describe('By default the size: windows that do not overlap.'),
  padding: padding
    .default('valid')
    .describe('"same", "valid", or rows and columns [top, left, bottom, right].'),
  countPadding: z
    .boolean()
    .optional()
    .describe('Whether the zeros of the padding count in an average; by default not.'),
});
const globalPool = z.strictObject({ type: z.enum(['globalAveragePool', 'globalMaxPool']), name });
const dropout = z.strictObject({
  type: z.literal('dropout'),
  name,
  rate: z.number().gte(0).lt(1).describe('Share of the values that are set to zero in training.'),
});
const flatten = z.strictObject({ type: z.literal('flatten'), name });
const dense = z.strictObject({
  type: z.literal('dense'),
  name,
  units: z
    .union([positive, z.literal('classes')])
    .describe('Number of outputs; "classes" for the last layer.'),
  bias: z.boolean().default(true),
});

/** Weighs the channels of a picture by what all of it holds (Hu et al. 2018). */
const squeezeExcite = z.strictObject({
  type: z.literal('squeezeExcite'),
  name,
  units: positive.describe('Outputs of the first of its two dense layers.'),
  activation: activationType.default('relu').describe('What follows the first dense layer.'),
  gate: z
    .enum(['sigmoid', 'hardSigmoid'])
    .default('sigmoid')
    .describe('What makes the weight of a channel of the output of the second one.'),
});

/**
 * A block whose input is added to its output, through the layers of the shortcut where there are any, else through a 1x1
 * convolution where the shapes differ (He et al. 2015).
 */
const residual = z.strictObject({
  type: z.literal('residual'),
  name,
  get layers() {
    return z.array(layerSchema).min(1);
  },
  get shortcut() {
    return z
      .array(layerSchema)
      .min(1)
      .optional()
      .describe(
        'What the input goes through before it is added; by default nothing, or a 1x1 convolution with batch norm where the shapes differ.',
      );
  },
});

// The annotation breaks the circle between a residual block and its layers.
export const layerSchema: z.ZodType<Layer, LayerInput> = z.lazy(() =>
  z.discriminatedUnion('type', [
    conv,
    batchNorm,
    activation,
    pool,
    globalPool,
    dropout,
    flatten,
    dense,
    squeezeExcite,
    residual,
  ]),
) as never;

export type ConvLayer = z.output<typeof conv>;
export type BatchNormLayer = z.output<typeof batchNorm>;
export type ActivationLayer = z.output<typeof activation>;
export type PoolLayer = z.output<typeof pool>;
export type GlobalPoolLayer = z.output<typeof globalPool>;
export type DropoutLayer = z.output<typeof dropout>;
export type FlattenLayer = z.output<typeof flatten>;
export type DenseLayer = z.output<typeof dense>;
export type SqueezeExciteLayer = z.output<typeof squeezeExcite>;
export interface ResidualLayer {
  type: 'residual';
  name?: string | undefined;
  layers: Layer[];
  shortcut?: Layer[] | undefined;
}
export type Layer =
  | ConvLayer
  | BatchNormLayer
  | ActivationLayer
  | PoolLayer
  | GlobalPoolLayer
  | DropoutLayer
  | FlattenLayer
  | DenseLayer
  | SqueezeExciteLayer
  | ResidualLayer;

export type LayerInput =
  | z.input<typeof conv>
  | z.input<typeof batchNorm>
  | z.input<typeof activation>
  | z.input<typeof pool>
  | z.input<typeof globalPool>
  | z.input<typeof dropout>
  | z.input<typeof flatten>
  | z.input<typeof dense>
  | z.input<typeof squeezeExcite>
  | {
      type: 'residual';
      name?: string | undefined;
      layers: LayerInput[];
      shortcut?: LayerInput[] | undefined;
    };

export interface ImageShape {
  readonly height: number;
  readonly width: number;
  /** 1 (grey) or 3 (red, green, blue). */
  readonly channels: number;
}

/** What a sample is made of: `uint8` are the values of a picture, `float32` features, which reach the layers as they are. */
export type InputType = 'uint8' | 'float32';

/** Samples of either type, one behind the other, each [height, width, channels]. */
export type InputValues = Uint8Array | Float32Array;

/** A complete architecture: what goes in, the layers, how many classes come out. */
export interface ModelSpec {
  readonly input: ImageShape;
  /** By default `uint8`. */
  readonly inputType?: InputType;
  readonly classes: number;
  readonly layers: readonly Layer[];
}
