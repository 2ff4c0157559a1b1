import type { SerializedError } from '../../base/errors.js';
import type { PluginEntry } from '../../plugin/contracts.js';
import type { PredictorOptions } from '../../predict/predictor.js';

/** From the server to an inference process. */
export type ToInferenceWorker =
  | {
      readonly type: 'load';
      readonly folder: string;
      /** Of the bundle that the server announced: a process that starts again later must not serve another one. */
      readonly digest: string;
      readonly options: PredictorOptions;
      readonly plugins: readonly PluginEntry[];
    }
  | { readonly type: 'predict'; readonly images: Uint8Array; readonly count: number };

/** From an inference process to the server; it answers one message after the other, and tells when its health changes. */
export type FromInferenceWorker =
  | { readonly type: 'ready' }
  | {
      readonly type: 'health';
      /** Why it could not answer now; undefined when it could. */
      readonly problem: string | undefined;
    }
  | { readonly type: 'result'; readonly probabilities: Float32Array }
  | { readonly type: 'failed'; readonly during: ToInferenceWorker['type']; readonly error: SerializedError };

/** What came of a message. */
export type InferenceAnswer = Extract<FromInferenceWorker, { readonly type: 'result' | 'failed' }>;
