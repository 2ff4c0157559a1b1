import type { Prediction } from '../../predict/top-predictions.js';
import type { AnswerSource } from '../cache/answer-cache.js';
import type { TraceContext } from '../request/trace-context.js';
import type { ServedModel } from './served-model.js';

/** One image with its answer, for those who count, keep or watch answers. */
export interface AnsweredImage {
  readonly requestId: string;
  /** Where the request belongs in a distributed trace. */
  readonly trace: TraceContext | undefined;
  /** Its place in the request, from 0. */
  readonly index: number;
  /** When it was answered. */
  readonly at: Date;
  /** The same, on the clock of `performance.now()`. */
  readonly ended: number;
  readonly model: ServedModel;
  /** What the model saw, uint8 [height, width, channels]. */
  readonly pixels: Uint8Array;
  /** float32 [classes] */
  readonly probabilities: Float32Array;
  /** Of the most probable classes, as many as were asked for. */
  readonly predictions: readonly Prediction[];
  readonly source: AnswerSource;
  readonly timings: {
    readonly decodeMs: number;
    /** In the queue, and in the model: of the computation that gave the answer, 0 for one that was kept. */
    readonly queueMs: number;
    readonly inferenceMs: number;
    /** All together, with the caches. */
    readonly totalMs: number;
  };
}

/** Called when the request is answered, before the answer is sent; it must not throw, and must not take time. */
export type AnswerListener = (answered: AnsweredImage) => void;
