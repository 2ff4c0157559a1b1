import type { Insertable, Selectable } from 'kysely';
import type { LoggedModel, LoggedPrediction, ReviewedPrediction } from './logged-prediction.js';
import type { Tables } from './tables.js';

export function modelRow({
  digest,
  name,
  classes,
  preprocessing,
}: LoggedModel): Insertable<Tables['roble_models']> {
  return {
    digest,
    name,
    classes: JSON.stringify(classes),
    preprocessing: JSON.stringify(preprocessing),
  };
}

export function predictionRow(logged: LoggedPrediction): Insertable<Tables['roble_predictions']> {
  const [best] = logged.predictions;
  return {
    id: logged.id,
    request_id: logged.requestId,
    image_index: logged.index,
    at: logged.at.toISOString(),
    model_digest: logged.model.digest,
    label: best!.label,
    probability: best!.probability,
    predictions: JSON.stringify(logged.predictions),
    source: logged.source,
    decode_ms: logged.timings.decodeMs,
    queue_ms: logged.timings.queueMs,
    inference_ms: logged.timings.inferenceMs,
    total_ms: logged.timings.totalMs,
    pixels: logged.pixels ?? null,
  };
}

export function modelOfRow(row: Selectable<Tables['roble_models']>): LoggedModel {
  return {
    digest: row.digest,
    name: row.name,
    classes: JSON.parse(row.classes),
    preprocessing: JSON.parse(row.preprocessing),
  };
}

type Bytes = ArrayBuffer | Uint8Array | null | undefined;

/** A prediction with its feedback, whose columns are null where nobody gave any. */
export interface ReviewedRow
  extends Omit<Selectable<Tables['roble_predictions']>, 'label' | 'probability' | 'pixels'> {
  pixels?: Bytes;
  feedback_at: Date | string | null;
  feedback_label: string | null;
  feedback_pixels?: Bytes;
}

export function reviewedOfRow(row: ReviewedRow, model: LoggedModel): ReviewedPrediction {
  return {
    id: row.id,
    requestId: row.request_id,
    index: row.image_index,
    at: new Date(row.at),
    model,
    predictions: JSON.parse(row.predictions),
    source: row.source,
    timings: {
      decodeMs: row.decode_ms,
      queueMs: row.queue_ms,
      inferenceMs: row.inference_ms,
      totalMs: row.total_ms,
    },
    pixels: bytesOf(row.pixels),
    feedback:
      row.feedback_label === null
        ? undefined
        : {
            at: new Date(row.feedback_at!),
            label: row.feedback_label,
            pixels: bytesOf(row.feedback_pixels),
          },
  };
}

function bytesOf(value: Bytes): Uint8Array | undefined {
  return value ? new Uint8Array(value) : undefined;
}
