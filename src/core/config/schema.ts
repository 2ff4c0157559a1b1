import { z } from 'zod';
import { augmentSchema } from '../data/augment/settings.js';
import { balanceSchema } from '../data/balance/settings.js';
import { MONITORS, type Monitor } from '../learning/history/record.js';
import { preprocessingSchema } from '../image/settings.js';
import { kpisSchema } from '../operations/kpi/settings.js';
import { layerSchema } from '../model/spec.js';
import { recordOf } from '../base/collections.js';
import { secret, urlWithPassword } from '../base/secret.js';
import { accessSchema, connectionsSchema, tlsSchema } from '../serving/access/settings.js';

const positive = z.int().positive();
const path = z.string().min(1);

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
    .describe('A step whose loss is so many times its running mean is bad; 0: not checked.'),
  gradientSpikeFactor: z
    .number()
    .gte(0)
    .default(100)
    .describe('A step whose gradient norm is so many times its running mean is bad; 0: not checked.'),
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
    .describe('An epoch ends after so many steps, for quick tries; 0: after all the data.'),
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
      'How the training pictures are changed, anew in each epoch; the evaluation sees them as they are.',
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
      'Model bundle whose weights the run starts from; where a shape differs, the layer starts anew.',
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
  })
  .refine((model) => (model.preset === undefined) !== (model.layers === undefined), {
    message: 'expected either "preset" or "layers"',
  });
export type ModelChoice = z.output<typeof modelSchema>;

const cacheSchema = z.strictObject({
  memoryBytes: z
    .int()
    .gte(0)
    .default(67_108_864)
    .describe('Memory for answers to pictures that were asked for before, in bytes; 0: none.'),
  url: urlWithPassword(z.string().regex(/^rediss?:\/\//, 'expected redis://HOST:PORT, or rediss:// with TLS'))
    .optional()
    .describe('Redis, in which several servers share their answers, such as redis://:password@cache:6379.'),
  ttlSeconds: positive.default(86_400).describe('How long Redis keeps an answer, in seconds.'),
});

const adminSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address of the administration.'),
  port: z
    .int()
    .gte(0)
    .max(65535)
    .optional()
    .describe('Port of the administration; 0: any free port. Without it there is none.'),
});

const predictionsSchema = z.strictObject({
  url: urlWithPassword(
    z
      .string()
      .min(1)
      .refine((url) => !url.includes('://') || (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)), {
        message:
          'expected the path of an SQLite file, postgres://USER:PASSWORD@HOST/DATABASE (with %23 for # and the like), or "none"',
      }),
  )
    .default('none')
    .describe(
      'Database of the predictions: an SQLite file, postgres://USER:PASSWORD@HOST/DATABASE, or "none". From TypeScript the default is "none".',
    ),
  keepImages: z
    .boolean()
    .default(false)
    .describe('Keep what the model saw, so that feedback can become training data.'),
  maxQueueBytes: positive
    .default(33_554_432)
    .describe('Memory for predictions that wait for the database; what does not fit is dropped and counted.'),
  keepDays: z
    .number()
    .gt(0)
    .optional()
    .describe(
      'Days after which predictions are deleted, unless somebody gave feedback on them. Without it they stay.',
    ),
});

const logSchema = z.strictObject({
  level: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('The least important lines that are logged.'),
  format: z
    .enum(['json', 'text'])
    .optional()
    .describe('Lines for programs or for people; by default text on a terminal, else json.'),
});

const tracingSchema = z.strictObject({
  url: urlWithPassword(z.url({ protocol: /^https?$/ }))
    .optional()
    .describe(
      'Address of an OpenTelemetry collector that takes OTLP over HTTP, such as http://127.0.0.1:4318; without it no traces are sent.',
    ),
  sampleRatio: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      'Share of the requests without a traceparent whose traces are sent; others follow their traceparent.',
    ),
});

export const serveSchema = z.strictObject({
  models: path
    .optional()
    .describe(
      'Repository of models: a folder with NAME/VERSION, each a bundle, of which all names are served.',
    ),
  backend: z.string().min(1).default('onnx').describe('Serving backend; plugins add more.'),
  device: z.string().min(1).default('cpu').describe('Device of the backend, such as "cpu".'),
  // What of them is secret says the backend; what it does not declare is.
  backendOptions: secret(recordOf(z.unknown()))
    .optional()
    .describe('Options of the backend, which its page describes; "onnx" and "tfjs" have none.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; 0.0.0.0: all networks.'),
  port: z.int().gte(0).max(65535).default(8080).describe('Port to listen on; 0: any free port.'),
  workers: z
    .int()
    .min(0)
    .default(1)
    .describe('Inference processes; 0 computes in the process of the server.'),
  threads: positive.default(1).describe('Threads of each inference process.'),
  watchMs: z
    .int()
    .gte(0)
    .default(0)
    .describe('Milliseconds between two looks for another model in the folder; 0: never.'),
  page: z.boolean().default(true).describe('Show a page to draw on at "/".'),
  admin: adminSchema.prefault({}).describe('Administration, which listens apart from the predictions.'),
  log: logSchema.prefault({}).describe('The log on standard error.'),
  tracing: tracingSchema.prefault({}).describe('Traces, sent by OpenTelemetry.'),
  cache: cacheSchema.prefault({}).describe('Answers that are kept.'),
  predictions: predictionsSchema.prefault({}).describe('Log of the predictions, and feedback on them.'),
  access: accessSchema.prefault({}).describe('Who may ask.'),
  tls: tlsSchema.optional().describe('Certificate, for https; without it the server speaks plain http.'),
  connections: connectionsSchema.prefault({}).describe('Bounds against slow and endless clients.'),
  maxBodyBytes: positive.default(10_485_760).describe('Largest body of a request, in bytes.'),
  maxPixels: positive.default(16_777_216).describe('Largest picture that is decoded.'),
  maxBatch: positive.default(256).describe('Most images in one request.'),
  topK: positive.default(3).describe('Classes in an answer unless the request says otherwise.'),
  requestTimeoutMs: positive
    .default(30_000)
    .describe('Longest time for an answer; a request may ask for less with the header x-timeout-ms.'),
  inferenceTimeoutMs: positive
    .default(30_000)
    .describe('An inference process that takes longer for a batch is ended and replaced.'),
  shutdownTimeoutMs: positive.default(10_000).describe('Time for requests in flight when the server stops.'),
});
export type ServeOptions = z.output<typeof serveSchema>;

/** The whole configuration: one schema, from which the types, the JSON Schema and the reference page come. */
export const configSchema = z.strictObject({
  name: z.string().min(1).default('classifier').describe('Names the model.'),
  image: preprocessingSchema.prefault({}).describe('What every picture is converted to.'),
  dataset: path.default('data/dataset').describe('The data set to train on.'),
  runs: path.default('runs').describe('Folder of the training runs.'),
  model: modelSchema.default({ preset: 'cnn-v2' }).describe('The network.'),
  balance: balanceSchema.prefault({}).describe('How "roble data:balance" makes a balanced data set.'),
  train: trainSchema.prefault({}).describe('How it is trained.'),
  serve: serveSchema
    .extend({
      predictions: predictionsSchema
        .extend({
          url: predictionsSchema.shape.url
            .unwrap()
            .default('.roble/predictions.db')
            .describe(
              'Database of the predictions: an SQLite file, postgres://USER:PASSWORD@HOST/DATABASE, or "none".',
            ),
        })
        .prefault({})
        .describe('Log of the predictions, and feedback on them.'),
    })
    .prefault({})
    .describe('The HTTP server.'),
  kpis: kpisSchema.prefault({}).describe('What model and service are to reach; "roble kpi:report" compares.'),
});
export type Config = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;

/** The keys that hold a path of the file system; loading makes them absolute. `*` stands for each item of a list. */
export const PATH_KEYS = [
  ['dataset'],
  ['runs'],
  ['balance', 'sources', '*', 'dataset'],
  ['train', 'from'],
  ['train', 'checkpointFallback'],
  ['serve', 'access', 'keysFile'],
  ['serve', 'tls', 'certFile'],
  ['serve', 'tls', 'keyFile'],
  ['serve', 'models'],
] as const;

/** The keys that hold the URL of a server, a path, or "none". */
export const URL_OR_PATH_KEYS = [['serve', 'predictions', 'url']] as const;
