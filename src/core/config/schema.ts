import { z } from 'zod';
import { path } from '../base/schema/checked.js';
import { balanceSchema } from '../data/balance/settings.js';
import { preprocessingSchema } from '../image/settings.js';
import { modelSchema, trainSchema } from '../learning/settings.js';
import { kpisSchema } from '../operations/kpi/settings.js';
import { pluginsSchema } from '../plugin/settings.js';
import { predictionsSchema } from '../serving/predictions/settings.js';
import { serveSchema } from '../serving/settings.js';

/** The whole configuration: one schema, from which the types, the JSON Schema and the reference page come. */
export const configSchema = z.strictObject({
  name: z.string().min(1).default('classifier').describe('Names the model.'),
  plugins: pluginsSchema.describe(
    'Packages of plugins: their names, or paths of folders; "off": no plugin from outside, those of the machine neither.',
  ),
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
export const URL_OR_PATH_KEYS = [
  ['serve', 'predictions', 'url'],
  ['model', 'backbone', 'file'],
] as const;
