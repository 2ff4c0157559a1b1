import { z } from 'zod';
import { path, positive } from '../base/schema/checked.js';
import { augmentSchema } from '../data/augment/settings.js';
import { backboneSchema } from '../model/backbone/settings.js';
import { layerSchema } from '../model/spec.js';
import { MONITORS, type Monitor } from './history/record.js';

const optimizerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('adamw'),
    beta1: z.number().gte(0).lt(1).default(0.9).describe('Decay of the running mean of the gradients.'),
    beta2: z.number().gte(0).lt(1).default(0.999).describe('Decay of the running mean of their squares.'),
    epsilon: z
      .number()
      .positive()
      .default(1e-8)
      .describe('Added to the root of the squares, against division by zero.'),
    weightDecay: z
      .number()
      .gte(0)
      .default(0.01)
      .describe('Decoupled decay of weights; none on biases and norms.'),
  }),
  z.strictObject({
    type: z.literal('sgd'),
    momentum: z
      .number()
      .gte(0)
      .lt(1)
      .default(0.9)
      .describe('Share of the last step that is added to the next one.'),
    nesterov: z.boolean().default(false).describe('Look ahead along the momentum (Nesterov).'),
    weightDecay: z
      .number()
      .gte(0)
      .default(0.0005)
      .describe('Coupled (L2) decay of weights; none on biases and norms.'),
  }),
]);

const warmupEpochs = z
  .number()
  .gte(0)
  .default(0)
  .describe('Epochs in which the rate rises from nothing to its full value.');

const scheduleSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('constant'), warmupEpochs }),
  z.strictObject({
    type: z.literal('step'),
    warmupEpochs,
    everyEpochs: z.number().positive().describe('Epochs between two cuts.'),
    factor: z.number().gt(0).lt(1).default(0.1).describe('The rate is multiplied by it at each cut.'),
  }),
  z.strictObject({
    type: z.literal('cosine'),
    warmupEpochs,
    finalFactor: z
      .number()
      .gte(0)
      .lte(1)
      .default(0)
      .describe('Share of the learning rate that is left at the end.'),
  }),
  z.strictObject({
    type: z.literal('oneCycle'),
    warmupShare: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.3)
      .describe('Share of the run in which the rate rises to its full value.'),
    initialFactor: z
      .number()
      .gt(0)
      .lte(1)
      .default(0.04)
      .describe('Share of the learning rate at the first step.'),
    finalFactor: z
      .number()
      .gte(0)
      .lte(1)
      .default(0.000004)
      .describe('Share of the learning rate that is left at the end.'),
  }),
]);

const retrySchema = z.strictObject({
  maxRetries: z
    .int()
    .gte(0)
    .default(3)
    .describe('New training processes in a row without any progress between them; 0: none.'),
  backoffSeconds: z
    .number()
    .gte(0)
    .default(1)
    .describe('Wait before the first retry; it doubles with each one that follows.'),
  maxBackoffSeconds: z.number().gte(0).default(60).describe('Longest wait before a retry.'),
  heartbeatTimeoutSeconds: z
    .number()
    .gte(0)
    .default(300)
    .describe('A training process that is silent for so long is taken for hung and replaced; 0: never.'),
  saveDeadlineSeconds: z
    .number()
    .positive()
    .default(60)
    .describe('Longest time between the signal to stop and the end of the training process.'),
});

const healthSchema = z.strictObject({
  maxSkippedSteps: z
    .int()
    .gte(0)
    .default(3)
    .describe('Bad steps in a row that are skipped before the run is rolled back.'),
  maxRollbacks: z
    .int()
    .gte(0)
    .default(3)
    .describe('Roll-backs before the run is given up; from the second one on, the rate is cut too.'),
  learningRateCut: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.5)
    .describe('The learning rate is multiplied by it at a cut.'),
  lossSpikeFactor: z
    .number()
    .gte(0)
    .default(10)
    .describe('A step whose loss exceeds its running mean by this factor is bad; 0: not checked.'),
  gradientSpikeFactor: z
    .number()
    .gte(0)
    .default(100)
    .describe('A step whose gradient norm exceeds its running mean by this factor is bad; 0: not checked.'),
});

const earlyStoppingSchema = z.strictObject({
  patience: z
    .int()
    .gte(0)
    .default(0)
    .describe('Epochs without improvement of train.monitor after which the run ends; 0: never.'),
  minDelta: z.number().gte(0).default(0).describe('Smallest change that counts as an improvement.'),
  minEpochs: z.int().gte(0).default(0).describe('Epochs before which the run is not ended.'),
});

export const trainSchema = z.strictObject({
  engine: z
    .string()
    .min(1)
    .default('onnx')
    .describe(
      'Training engine: onnx, or tfjs where a package of TensorFlow.js is installed; plugins add more.',
    ),
  device: z
    .string()
    .min(1)
    .default('auto')
    .describe(
      'Device of the engine: "auto" (the fastest that "roble gpu:setup" measured here, else the CPU), "cpu", "webgpu", "cuda", "cuda:1", or "gpu:1" for the second GPU, whatever it is.',
    ),
  threads: z.int().gte(0).default(0).describe('Threads of the engine; 0: one for each core.'),
  epochs: positive.default(10).describe('Passes over the training data.'),
  batchSize: positive.default(64).describe('Images in one training step.'),
  microbatchSize: z
    .int()
    .gte(0)
    .default(0)
    .describe(
      'Images in memory at once: the gradient of a batch is summed over such parts. 0: the whole batch, and less when memory is short.',
    ),
  evaluationBatchSize: positive
    .default(256)
    .describe('Images in one step of validation; less when memory is short.'),
  maxStepsPerEpoch: z
    .int()
    .gte(0)
    .default(0)
    .describe('Most steps in an epoch, for quick tries; 0: all the data.'),
  seed: z
    .int()
    .gte(0)
    .max(0xffffffff)
    .default(0)
    .describe('Seed of every random choice; the same seed gives the same run.'),
  learningRate: z.number().positive().default(0.001).describe('Largest learning rate of the schedule.'),
  optimizer: optimizerSchema.default({
    type: 'adamw',
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
  }),
  schedule: scheduleSchema.default({ type: 'cosine', warmupEpochs: 0, finalFactor: 0 }),
  clipNorm: z.number().gte(0).default(1).describe('Largest global L2 norm of the gradients; 0: no clipping.'),
  labelSmoothing: z
    .number()
    .gte(0)
    .lt(1)
    .default(0)
    .describe('Share of each label that is spread over all classes.'),
  classWeights: z
    .enum(['none', 'balanced'])
    .default('none')
    .describe('"balanced": the loss of a sample counts in inverse proportion to the size of its class.'),
  mixupAlpha: z
    .number()
    .gte(0)
    .default(0)
    .describe('Mixup: pictures are blended by shares from Beta(alpha, alpha); 0: none.'),
  augment: augmentSchema
    .prefault({})
    .describe(
      'How the training pictures are changed, differently in each epoch; the evaluation sees them as they are.',
    ),
  head: z
    .enum(['fixed', 'auto'])
    .default('fixed')
    .describe(
      'With a backbone: "auto" chooses the weight decay by cross-validation on the training pictures, before the run begins.',
    ),
  views: positive
    .default(4)
    .describe(
      'With a backbone: how many views of each training picture are computed, the picture itself and others by train.augment; they take turns from epoch to epoch.',
    ),
  numWorkers: positive
    .max(64)
    .default(1)
    .describe('Threads that prepare the batches; does not change the result.'),
  emaDecay: z
    .number()
    .gte(0)
    .lt(1)
    .default(0)
    .describe('Decay of the moving average of the weights, which is then evaluated and exported; 0: none.'),
  frozen: z
    .array(z.string().min(1))
    .default([])
    .describe('Layers that are not trained, by name; "conv*" means all that begin with it.'),
  from: path
    .optional()
    .describe(
      'Model bundle whose weights the run starts from; where a shape differs, the layer starts from random weights.',
    ),
  monitor: z
    .enum(Object.keys(MONITORS) as [Monitor, ...Monitor[]])
    .default('valAccuracy')
    .describe('The metric whose best epoch is exported.'),
  earlyStopping: earlyStoppingSchema.prefault({}).describe('When the run ends before its last epoch.'),
  keepCheckpoints: positive.default(2).describe('Newest checkpoints to keep, besides the best one.'),
  checkpointEverySteps: z
    .int()
    .gte(0)
    .default(500)
    .describe('Steps between two checkpoints inside an epoch; 0: only by time.'),
  checkpointEverySeconds: z
    .number()
    .gte(0)
    .default(300)
    .describe('Seconds between two checkpoints; 0: only by steps. There is one after every epoch.'),
  checkpointFallback: path
    .optional()
    .describe('Folder for checkpoints while the run folder cannot be written.'),
  retry: retrySchema
    .prefault({})
    .describe('What happens when the training process ends before the training.'),
  health: healthSchema.prefault({}).describe('What happens to steps with impossible or wild numbers.'),
  twins: z
    .array(z.array(z.string().min(1)).min(2))
    .default([])
    .describe(
      'Groups of classes that look alike; an accuracy that counts each group as one class is reported.',
    ),
});
export type TrainOptions = z.output<typeof trainSchema>;
export type ScheduleSpec = TrainOptions['schedule'];

export const modelSchema = z
  .strictObject({
    preset: z
      .string()
      .min(1)
      .optional()
      .describe('A named architecture; "roble model:summary --list" shows them.'),
    layers: z
      .array(layerSchema)
      .min(1)
      .optional()
      .describe('The layers, first to last; instead of a preset.'),
    backbone: backboneSchema
      .optional()
      .describe(
        'A trained network whose features the layers, or the preset "head", learn from: for photographs.',
      ),
  })
  .refine(
    ({ preset, layers, backbone }) =>
      preset !== undefined ? layers === undefined : layers !== undefined || backbone !== undefined,
    { message: 'expected either "preset" or "layers"' },
  );
export type ModelChoice = z.output<typeof modelSchema>;
