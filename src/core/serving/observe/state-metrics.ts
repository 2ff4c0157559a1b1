import type { Registry } from 'prom-client';
import type { Admission } from '../admission/admission.js';
import type { Explanations } from '../admission/explanations.js';
import type { AnswerCache } from '../cache/answer-cache.js';
import type { ServedModel } from '../models/served-model.js';
import type { ServedModels } from '../models/served-models.js';
import type { PredictionLog } from '../predictions/prediction-log.js';
import type { DriftMeasures, DriftMonitor } from './drift.js';
import { shortDigest } from './server-log.js';

/** What a server is made of, as far as its metrics read it. */
export interface ServerState {
  readonly models: ServedModels;
  readonly cache: AnswerCache;
  readonly admission: Admission;
  readonly drift: DriftMonitor;
  /** Undefined: none is kept. */
  readonly predictions: PredictionLog | undefined;
  /** Undefined: answers are not explained. */
  readonly explanations: Explanations | undefined;
  /** Lines of the log that nobody read in time. */
  readonly droppedLogLines: () => number;
}

type AddReader = (
  name: string,
  help: string,
  read: Parameters<typeof addReader>[5],
  labelNames?: readonly string[],
) => void;

const MODEL_LABELS = ['model', 'version', 'digest'];
const BREAKER_STATES = ['closed', 'open', 'half-open'] as const;

/** What is the case at the moment of a scrape: queue, processes, models, caches. */
export function addStateMetrics(
  client: typeof import('prom-client'),
  registry: Registry,
  { models, cache, admission, drift, predictions, explanations, droppedLogLines }: ServerState,
): void {
  const gauge: AddReader = addReader.bind(undefined, client, registry, 'gauge');
  const counter: AddReader = addReader.bind(undefined, client, registry, 'counter');
  gauge('roble_images_in_hand', 'Images between decoder and answer.', () => admission.inFlight);
  gauge(
    'roble_images_in_hand_limit',
    'Images between decoder and answer above which requests get 429.',
    () => admission.limit,
  );
  gauge(
    'roble_queue_wait_seconds',
    'How long, as it looks, an image has to wait that comes now.',
    () => admission.waitMs / 1000,
  );
  gauge(
    'roble_overloaded',
    'Whether requests are refused so that the others wait a short while only: 1 or 0.',
    () => Number(admission.isOverloaded),
  );
  counter('roble_log_lines_dropped_total', 'Lines of the log that nobody read in time.', droppedLogLines);
  addModelMetrics(gauge, counter, models);
  addDriftMetrics(gauge, models, drift);
  addCacheMetrics(gauge, counter, cache);
  if (predictions) addPredictionLogMetrics(gauge, counter, predictions);
  if (explanations) addExplanationMetrics(gauge, counter, explanations);
}

function addExplanationMetrics(gauge: AddReader, counter: AddReader, explanations: Explanations): void {
  counter(
    'roble_explanation_images_total',
    'Images that models computed to explain answers; no other metric of images counts them.',
    () => explanations.toJSON().images,
  );
  gauge(
    'roble_explanations_in_hand',
    'Requests to explain an answer that wait or are at work.',
    () => explanations.toJSON().inHand,
  );
}

function addPredictionLogMetrics(gauge: AddReader, counter: AddReader, log: PredictionLog): void {
  counter(
    'roble_prediction_log_written_total',
    'Predictions that are in the database.',
    () => log.toJSON().written,
  );
  counter(
    'roble_prediction_log_dropped_total',
    'Predictions that no database took in time, or that it refused.',
    () => log.toJSON().dropped,
  );
  gauge('roble_prediction_log_queued', 'Predictions that wait for the database.', () => log.toJSON().queued);
}

function addModelMetrics(gauge: AddReader, counter: AddReader, models: ServedModels): void {
  const loaded = () => [...models.managers.values()].flatMap(({ roles }) => roles);
  const ofEach = (read: (model: ServedModel) => number) => (): Reading[] =>
    loaded().map(({ model }) => ({ labels: modelLabels(model), value: read(model) }));
  gauge(
    'roble_queue_images',
    'Images that wait for the model.',
    ofEach(({ pool }) => pool.queueLength),
    MODEL_LABELS,
  );
  gauge(
    'roble_workers_ready',
    'Inference processes that can take work.',
    ofEach(({ pool }) => pool.readyWorkers),
    MODEL_LABELS,
  );
  gauge(
    'roble_model_loaded_timestamp_seconds',
    'When the model was loaded, since 1970.',
    ofEach(({ loadedAt }) => loadedAt.getTime() / 1000),
    MODEL_LABELS,
  );
  gauge(
    'roble_model_info',
    'The models that are loaded and for what, always 1.',
    () => loaded().map(({ role, model }) => ({ labels: { ...modelLabels(model), role }, value: 1 })),
    [...MODEL_LABELS, 'role'],
  );
  counter(
    'roble_model_changes_total',
    'Models that became the stable one, changes that failed, and versions that were rolled back.',
    () =>
      [...models.managers].flatMap(([model, { changes }]) => [
        { labels: { model, result: 'served' }, value: changes.served },
        { labels: { model, result: 'failed' }, value: changes.failed },
        { labels: { model, result: 'rolled-back' }, value: changes.rolledBack },
      ]),
    ['model', 'result'],
  );
}

/** Of all models that are loaded and have answers enough. */
function addDriftMetrics(gauge: AddReader, models: ServedModels, drift: DriftMonitor): void {
  const reports = () =>
    [...models.managers.values()].flatMap(({ loaded }) =>
      loaded.map((model) => ({ labels: modelLabels(model), ...drift.report(model) })),
    );
  const measured = (read: (drift: Partial<DriftMeasures['confidence']>) => number | undefined) => () =>
    reports().flatMap(({ labels, measures }) =>
      Object.entries(measures ?? {}).flatMap(([of, measure]) => {
        const value = read(measure);
        return value === undefined ? [] : [{ labels: { ...labels, of }, value }];
      }),
    );
  gauge(
    'roble_drift_answers',
    'Answers in the window that drift is measured over.',
    () => reports().map(({ labels, answers }) => ({ labels, value: answers })),
    MODEL_LABELS,
  );
  gauge(
    'roble_drift_psi',
    'Population stability index of the newest answers and those of the validation data.',
    measured(({ psi }) => psi),
    [...MODEL_LABELS, 'of'],
  );
  gauge(
    'roble_drift_psi_by_chance',
    'The index that chance alone gives on average.',
    measured(({ psiByChance }) => psiByChance),
    [...MODEL_LABELS, 'of'],
  );
  gauge(
    'roble_drift_ks',
    'Distance of Kolmogorov and Smirnov of the newest answers and those of the validation data.',
    measured(({ ks }) => ks),
    [...MODEL_LABELS, 'of'],
  );
}

function addCacheMetrics(gauge: AddReader, counter: AddReader, cache: AnswerCache): void {
  const { memory, redis } = cache.toJSON();
  if (memory) {
    gauge('roble_cache_entries', 'Answers in memory.', () => cache.toJSON().memory?.entries);
    gauge('roble_cache_bytes', 'Memory of the answers that are kept.', () => cache.toJSON().memory?.bytes);
  }
  if (!redis) return;
  counter(
    'roble_cache_redis_errors_total',
    'Reads and writes of Redis that failed.',
    () => cache.toJSON().redis?.errors,
  );
  gauge(
    'roble_cache_redis_breaker',
    'State of the circuit breaker before Redis: 1 for the one that it is in; open: Redis is left alone.',
    () => {
      const breaker = cache.toJSON().redis?.breaker;
      return BREAKER_STATES.map((state) => ({ labels: { state }, value: state === breaker ? 1 : 0 }));
    },
    ['state'],
  );
}

export interface Reading<Label extends string = string> {
  readonly labels: Readonly<Partial<Record<Label, string>>>;
  readonly value: number;
}

/**
 * Adds a metric that is read when Prometheus asks. A read that gives a number is of a metric without labels; one that
 * gives nothing leaves the metric out.
 */
export function addReader<Label extends string>(
  client: typeof import('prom-client'),
  registry: Registry,
  kind: 'gauge' | 'counter',
  name: string,
  help: string,
  read: () => number | undefined | readonly Reading<Label>[] | Promise<number | undefined>,
  labelNames: readonly Label[] = [],
): void {
  const options = { name, help, labelNames: [...labelNames], registers: [registry] };
  const collect = async (metric: { remove(): void; reset(): void }, add: (reading: Reading) => void) => {
    const found = await read();
    metric.reset();
    if (found === undefined) metric.remove();
    else if (typeof found === 'number') add({ labels: {}, value: found });
    else for (const reading of found) add(reading);
  };
  if (kind === 'gauge')
    new client.Gauge<string>({
      ...options,
      async collect() {
        await collect(this, ({ labels, value }) => this.set(labels, value));
      },
    });
  else
    new client.Counter<string>({
      ...options,
      async collect() {
        await collect(this, ({ labels, value }) => this.inc(labels, value));
      },
    });
}

/** How metrics name a model. */
export function modelLabels({ label }: ServedModel) {
  return { model: label.name, version: label.version, digest: shortDigest(label.digest) };
}
