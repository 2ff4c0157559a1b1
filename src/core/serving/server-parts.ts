import { availableParallelism } from 'node:os';
import { type Context, withStep } from '../base/context.js';
import { hiderOf } from '../base/schema/secrets.js';
import { PictureThreads } from '../image/picture-threads.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { ServerAccess } from './access/access.js';
import { Admission } from './admission/admission.js';
import { Explanations } from './admission/explanations.js';
import { AnswerCache } from './cache/answer-cache.js';
import type { ServingScope } from './classify/serving-scope.js';
import { ServedModels } from './models/served-models.js';
import { DriftMonitor } from './observe/drift.js';
import { ServerMetrics } from './observe/metrics.js';
import { type LogDestination, ServerLog } from './observe/server-log.js';
import { ServerStatistics } from './observe/statistics.js';
import { Tracing } from './observe/tracing.js';
import type { ApiPage } from './openapi/document.js';
import { type LogWaits, PredictionLog } from './predictions/prediction-log.js';
import { type ServeOptions, serveJsonSchema } from './settings.js';

/** Images in flight at most, or several full batches. */
const MAX_IMAGES = 1024;
const MAX_BATCHES = 4;

export interface ServerPartsOptions {
  /** Folder of a bundle; in a repository the name of the default model. */
  readonly model: string | undefined;
  readonly logTo: LogDestination | undefined;
  readonly options: ServeOptions;
  readonly isStopping: () => boolean;
}

export interface ServerContext extends Context {
  readonly registry: PluginRegistry;
  /** Draws `/docs`; without it there is only `/openapi.json`. */
  readonly apiPage?: ApiPage;
  /** What the prediction log is to wait for longer or shorter than usual. */
  readonly logWaits?: Partial<LogWaits>;
}

/** What a server is made of, behind its HTTP applications. */
export interface ServerParts {
  readonly log: ServerLog | undefined;
  /** Only where there is an administration, which shows them. */
  readonly metrics: ServerMetrics | undefined;
  readonly scope: ServingScope;
  /** Ends all of it; waits up to `timeoutMs` for predictions that are still to be written. */
  release(timeoutMs: number): Promise<void>;
}

/**
 * Opens the parts of a server; its models are loaded by then.
 *
 * @throws {RobleError} as `createServer`, but for its port
 */
export async function openServerParts(
  { model, logTo, options, isStopping }: ServerPartsOptions,
  context: ServerContext,
): Promise<ServerParts> {
  const hide = hiderOf(options, await serveJsonSchema(options, context.registry));
  const log = logTo && (await ServerLog.open(options.log, logTo, hide));
  const report = (message: string) => context.reporter?.report({ type: 'warning', message: hide(message) });
  const warn = log?.warn ?? report;
  const { memoryBytes, url: redisUrl, ttlSeconds } = options.cache;
  const access = await ServerAccess.open({ ...options, redisUrl }, warn);
  const tracing = await Tracing.open(options.tracing, warn);
  const metrics = options.admin.port === undefined ? undefined : await ServerMetrics.open();
  const { backend, backendOptions, device, threads, workers } = options;
  const models = await withStep(context, 'workers', 'Loading the model', () =>
    ServedModels.start({
      model,
      repository: options.models,
      workers,
      timeoutMs: options.inferenceTimeoutMs,
      watchMs: options.watchMs,
      predictor: { backend, device, threads, options: backendOptions },
      plugins: context.registry.entries,
      warn,
      observer: metrics?.inference,
      ...(log && { tell: log.info }),
    }),
  );
  const cache = await AnswerCache.open({ memoryBytes, redisUrl, ttlSeconds, warn });
  const predictions = PredictionLog.open(options.predictions, warn, context.logWaits);
  const admission = new Admission(models, Math.max(MAX_IMAGES, MAX_BATCHES * options.maxBatch));
  const drift = new DriftMonitor();
  const pictures = new PictureThreads(availableParallelism());
  const explanations = options.explain ? new Explanations() : undefined;
  const droppedLogLines = () => logTo?.dropped ?? 0;
  await metrics?.watch({ models, cache, admission, drift, predictions, explanations, droppedLogLines });
  const ofImages = [predictions, drift, metrics, tracing].filter((one) => one !== undefined);
  const statistics = new ServerStatistics();
  const ofRequests = [statistics, log, metrics, tracing].filter((one) => one !== undefined);
  return {
    log,
    metrics,
    scope: {
      access,
      models,
      cache,
      admission,
      statistics,
      drift,
      listeners: ofImages.map(({ onImage }) => onImage),
      recorder: {
        listeners: ofRequests.map(({ onRequest }) => onRequest),
        startTrace: tracing?.startTrace,
      },
      predictions,
      explanations,
      limits: options,
      pictures,
      isStopping,
      warn,
    },
    async release(timeoutMs) {
      cache.close();
      await predictions?.close(timeoutMs);
      metrics?.close();
      await Promise.all([tracing?.close(timeoutMs), models.close(), pictures.close()]);
    },
  };
}
