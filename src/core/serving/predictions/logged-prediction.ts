import type { Preprocessing } from '../../image/settings.js';
import type { Prediction } from '../../predict/top-predictions.js';

/** The model that gave an answer, as the log knows it. */
export interface LoggedModel {
  readonly digest: string;
  readonly name: string;
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
}

/** One answered image, as it is kept. */
export interface LoggedPrediction {
  /** Its order is that of the time. */
  readonly id: string;
  readonly requestId: string;
  /** Its place in the request, from 0. */
  readonly index: number;
  readonly at: Date;
  readonly model: LoggedModel;
  /** As they were answered, best first. */
  readonly predictions: readonly Prediction[];
  readonly source: string;
  readonly timings: {
    readonly decodeMs: number;
    readonly queueMs: number;
    readonly inferenceMs: number;
    readonly totalMs: number;
  };
  /** What the model saw, uint8 [height, width, channels], where pictures are kept. */
  readonly pixels?: Uint8Array | undefined;
}

/** The right class of a prediction, as somebody said. */
export interface Feedback {
  readonly at: Date;
  readonly label: string;
  /** What the model saw, where it was sent again for this. */
  readonly pixels?: Uint8Array | undefined;
}

/** A prediction with what was said about it. */
export interface ReviewedPrediction extends LoggedPrediction {
  readonly feedback?: Feedback | undefined;
}
