import { answerCalls } from '../../base/process/answer-calls.js';
import type { ServableModel } from '../../model/bundle.js';
import type { PluginEntry, Predictor } from '../../plugin/contracts.js';
import { PluginRegistry } from '../../plugin/registry.js';

/** The process that computes features: a backend with the extractor in it. */
export type FeatureWorker = typeof start;

export interface FeatureWorkerStart {
  readonly plugins: readonly PluginEntry[];
  /** Name of the serving backend. */
  readonly backend: string;
  readonly device: string;
  readonly threads: number;
  /** Gives a vector of features for each picture where a classifier gives probabilities. */
  readonly extractor: ServableModel;
}

answerCalls(start);

async function start({ plugins, backend, device, threads, extractor }: FeatureWorkerStart) {
  const plugin = await new PluginRegistry(plugins).load('serving-backend', backend);
  const predictor: Predictor = await plugin.load(extractor, { device, threads, options: {} });
  return {
    /** Features, float32, [count, length], of uint8 pictures [count, height, width, channels]. */
    compute: ({ pictures, count }: { readonly pictures: Uint8Array; readonly count: number }) =>
      predictor.predict(pictures, count),
  };
}
