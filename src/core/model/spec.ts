import { z } from 'zod';
import { positive } from '../base/schema/checked.js';

/** One number for both sides, or [height, width]. */
const pair = z.union([positive, z.tuple([positive, positive])]);
const name = z
  .string()
  .min(1)
  .optional()
  .describe('Name of the layer in messages and checkpoints; by default its type and number.');
const padding = z.enum(['same', 'valid']);

const conv = z.strictObject({
  type: z.literal('conv'),
  name,
  filters: positive.describe('Number of output channels.'),
  kernel: pair.default(3).describe('Side of the kernel.'),
  stride: pair.default(1),
  padding: padding.default('same'),
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
const activation = z.strictObject({ type: z.enum(['relu', 'gelu', 'silu']), name });
const pool = z.strictObject({
  type: z.enum(['maxPool', 'averagePool']),
  name,
  size: pair.default(2),
  stride: pair.optional().describe('By default the size: windows that do not overlap.'),
  padding: padding.default('valid'),
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

/** A block whose input is added to its output, through a 1x1 convolution where their shapes differ (He et al. 2015). */
const residual = z.strictObject({
  type: z.literal('residual'),
  name,
  get layers() {
    return z.array(layerSchema).min(1);
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
export interface ResidualLayer {
  type: 'residual';
  name?: string | undefined;
  layers: Layer[];
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
  | { type: 'residual'; name?: string | undefined; layers: LayerInput[] };

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
