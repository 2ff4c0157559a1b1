import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError } from '../../base/errors.js';
import type { PluginEntry, Predictor } from '../../plugin/contracts.js';
import { PluginRegistry } from '../../plugin/registry.js';
import { openPredictor, type PredictorOptions } from '../../predict/predictor.js';

/** Between two questions whether the backend could answer. */
const HEALTH_CHECK_MS = 2000;

export interface InferenceStart {
  readonly folder: string;
  /** Of the bundle that the server announced: a process that starts again later must not serve another one. */
  readonly digest: string;
  readonly options: PredictorOptions;
  readonly plugins: readonly PluginEntry[];
}

/** Whether the backend could answer has changed: why it could not now; undefined when it could. */
export interface HealthChange {
  readonly problem: string | undefined;
}

export interface PredictRequest {
  /** uint8 [count, height, width, channels] */
  readonly images: Uint8Array;
  readonly count: number;
}

/** Loads a model, to compute with it in a process of its own, or in that of the server. */
export async function openInference(
  { folder, digest, options, plugins }: InferenceStart,
  emit: (event: HealthChange) => void,
) {
  const { bundle, predictor } = await openPredictor(folder, options, new PluginRegistry(plugins));
  if (bundle.digest !== digest) {
    await predictor.close();
    throw new RobleError('ROBLE_BUNDLE_INVALID', `Another bundle lies in ${folder} now.`, {
      received: bundle.digest,
      expected: digest,
      nextSteps: ['Send the server SIGHUP, or start it again, to serve the new one.'],
    });
  }
  const closing = new AbortController();
  void watchHealth(predictor, emit, closing.signal);
  return {
    /** float32 [count, classes] */
    predict: ({ images, count }: PredictRequest) => predictor.predict(images, count),
    async close() {
      closing.abort();
      await predictor.close();
    },
  };
}

async function watchHealth(
  predictor: Predictor,
  emit: (event: HealthChange) => void,
  signal: AbortSignal,
): Promise<void> {
  let before: string | undefined;
  while (predictor.checkHealth) {
    await sleep(HEALTH_CHECK_MS, undefined, { ref: false });
    const problem = await predictor.checkHealth().then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (signal.aborted) return;
    if ((problem === undefined) !== (before === undefined)) emit({ problem });
    before = problem;
  }
}
