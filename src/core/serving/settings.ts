import { z } from 'zod';
import { path, positive } from '../base/schema/checked.js';
import { inputJsonSchema, type JsonSchema } from '../base/schema/json-schema.js';
import { recordOf } from '../base/schema/record-of.js';
import { secret } from '../base/secret.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { accessSchema } from './access/settings.js';
import { cacheSchema } from './cache/settings.js';
import { logSchema, tracingSchema } from './observe/settings.js';
import { predictionsSchema } from './predictions/settings.js';
import { requestLimitsSchema } from './request/settings.js';
import { connectionsSchema, tlsSchema } from './transport/settings.js';

const adminSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address of the administration.'),
  port: z
    .int()
    .gte(0)
    .max(65535)
    .optional()
    .describe('Port of the administration; 0: any free port. Without it there is none.'),
});

export const serveSchema = z.strictObject({
  models: path
    .optional()
    .describe('Repository of models: a folder with a bundle at each NAME/VERSION; every name is served.'),
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
  explain: z
    .boolean()
    .default(true)
    .describe(
      'Explain answers when asked (POST /explain). Each costs a hundred predictions, one at a time and with low priority.',
    ),
  page: z.boolean().default(true).describe('Show a page to try the model on at "/".'),
  admin: adminSchema.prefault({}).describe('Administration, which listens apart from the predictions.'),
  log: logSchema.prefault({}).describe('The log on standard error.'),
  tracing: tracingSchema.prefault({}).describe('Traces, sent by OpenTelemetry.'),
  cache: cacheSchema.prefault({}).describe('Answers that are kept.'),
  predictions: predictionsSchema.prefault({}).describe('Log of the predictions, and feedback on them.'),
  access: accessSchema.prefault({}).describe('Who may ask.'),
  tls: tlsSchema.optional().describe('Certificate, for https; without it the server speaks plain http.'),
  connections: connectionsSchema.prefault({}).describe('Bounds against slow and endless clients.'),
  ...requestLimitsSchema.shape,
  inferenceTimeoutMs: positive
    .default(30_000)
    .describe('An inference process that takes longer for a batch is ended and replaced.'),
  shutdownTimeoutMs: positive.default(10_000).describe('Time for requests in flight when the server stops.'),
});
export type ServeOptions = z.output<typeof serveSchema>;

/**
 * The schema of `serve`, with what the backend declares of its options; all of them are secret where it declares none.
 *
 * @param serve the schema without that
 */
export async function serveJsonSchema(
  { backend, backendOptions }: Pick<ServeOptions, 'backend' | 'backendOptions'>,
  registry: PluginRegistry,
  serve: JsonSchema = inputJsonSchema(serveSchema),
): Promise<JsonSchema> {
  if (backendOptions === undefined) return serve;
  const options = await registry.load('serving-backend', backend).then(
    (plugin) => plugin.options,
    // What is wrong with the plugin is an error of the start itself.
    () => undefined,
  );
  if (!options) return serve;
  return { ...serve, properties: { ...serve.properties, backendOptions: inputJsonSchema(options) } };
}
