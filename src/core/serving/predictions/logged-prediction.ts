import { randomUUID } from 'node:crypto';
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

/** The right class of a prediction, as a person gave it. */
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

/** The counter fills the twelve bits behind the time. */
const COUNTER_RANGE = 0x1000;

/**
 * Ids in the order of the time, and of the calls within a millisecond: UUIDs of version 7 (RFC 9562), with a counter in the
 * bits that may hold one. An index over them grows at its end, and what was written already is known again.
 */
export class PredictionIds {
  #count = 0;

  next(at: Date): string {
    const counter = this.#count++ % COUNTER_RANGE;
    return `${timePart(at)}-7${counter.toString(16).padStart(3, '0')}${randomUUID().slice(18)}`;
  }
}

/** The lowest id of a time. */
export function lowestIdAt(at: Date): string {
  return `${timePart(at)}-0000-0000-000000000000`;
}

function timePart(at: Date): string {
  const hexadecimal = at.getTime().toString(16).padStart(12, '0');
  return `${hexadecimal.slice(0, 8)}-${hexadecimal.slice(8)}`;
}
