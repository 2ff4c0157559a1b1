import { z } from 'zod';
import { NORMALIZATIONS, type NormalizationName } from './normalization.js';

const channelValues = z.union([z.array(z.number()).length(1), z.array(z.number()).length(3)]);

/** A network that others trained, whose features a head learns from. */
export const backboneSchema = z.strictObject({
  file: z
    .string()
    .min(1)
    .describe('ONNX file of a network that gives features, or its URL (https), which is fetched once.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
    .optional()
    .describe('What the file has to be; a URL needs it.'),
  normalization: z
    .union([
      z.enum(Object.keys(NORMALIZATIONS) as NormalizationName[]),
      z.strictObject({ mean: channelValues, deviation: channelValues }),
    ])
    .optional()
    .describe(
      'How it wants its pictures, if the file does not say: "imagenet" (mean 0.485, 0.456, 0.406, deviation 0.229, 0.224, 0.225), "0..1", "-1..1", "none" (0..255), or { mean, deviation } by channel, of values in 0..1.',
    ),
  layout: z
    .enum(['NCHW', 'NHWC'])
    .optional()
    .describe('Order of the sides of its input, if the file does not say it.'),
  tune: z
    .enum(['head', 'all'])
    .optional()
    .describe(
      '"head" (the default): the backbone stays as it is, and its features are computed once; "all": its layers are trained further, too.',
    ),
  learningRateFactor: z
    .number()
    .gt(0)
    .lte(1)
    .optional()
    .describe("With tune: all, what multiplies the learning rate of the backbone's layers; 0.1 by default."),
  output: z
    .string()
    .min(1)
    .optional()
    .describe('The output, or inner value, with the features, if the file does not say which.'),
});
export type BackboneSettings = z.output<typeof backboneSchema>;

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** Which file a backbone is. */
export const backboneOriginSchema = z.strictObject({
  /** File name. */
  name: z.string(),
  /** Of the file. */
  sha256: digest,
  /** What the file says about its licence. */
  licence: z.string().optional(),
});
export type BackboneOrigin = z.output<typeof backboneOriginSchema>;

/** A backbone that a run or a bundle was made with. */
export const usedBackboneSchema = backboneOriginSchema.extend({
  /** SHA-256 of the model that gives features of the pictures of the data set: it names them in the store. */
  extractor: digest,
  /** Numbers in a vector of features. */
  length: z.int().positive(),
  /** What is subtracted from values in 0..1 and what they are then divided by. */
  normalization: z.strictObject({ mean: channelValues, deviation: channelValues }),
  /** The value of the file that gives the features. */
  output: z.string(),
});
export type UsedBackbone = z.output<typeof usedBackboneSchema>;

/** A backbone whose layers a run trains further; its weights are in the run's folder `backbone`. */
export const tunedBackboneSchema = backboneOriginSchema.extend({
  /** Names of its layers, and of those that are left as they are. */
  layers: z.array(z.string()),
  fixed: z.array(z.string()),
  learningRateFactor: z.number(),
});
export type TunedBackbone = z.output<typeof tunedBackboneSchema>;
