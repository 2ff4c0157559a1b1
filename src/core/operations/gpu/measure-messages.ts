import type { SerializedError } from '../../base/errors.js';
import type { Device, PluginEntry } from '../../plugin/contracts.js';

/** To a process that measures; one message, then it ends. */
export type ToMeasureChild =
  | { readonly type: 'devices'; readonly engine: string; readonly plugins: readonly PluginEntry[] }
  | {
      readonly type: 'measure';
      readonly engine: string;
      readonly device: string;
      readonly plugins: readonly PluginEntry[];
      /** How long each of training and inference is timed, at least; not at all for the device that others are compared with. */
      readonly timedMs?: number;
    };

/** What a device computed from given weights and batches. */
export interface ComputedValues {
  /** Of some steps in a row. */
  readonly losses: readonly number[];
  /** After them. */
  readonly probabilities: Float32Array;
}

export type FromMeasureChild =
  | { readonly type: 'devices'; readonly devices: readonly Device[] }
  | {
      readonly type: 'measured';
      readonly values: ComputedValues;
      readonly trainImagesPerSecond?: number;
      readonly inferImagesPerSecond?: number;
      readonly warnings: readonly string[];
    }
  | { readonly type: 'failed'; readonly error: SerializedError };
